import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { type ClipBag, readClipBag } from '#sdk/messages/index.js';
import { describeWithRos, image, LATCHED, worldForTests } from './ros-world.js';

describeWithRos('a camera topic and a command in, a clip out', () => {
  const world = worldForTests(61);

  beforeAll(async () => {
    const { peer } = world;
    await peer.subscribe('clip', 'aid_msgs/msg/Clip', LATCHED);
    await peer.subscribe('outcomes', 'aid_msgs/msg/CommandOutcome', { depth: 2000 });
    for (const topic of ['preview', 'goal_image', 'goal_preview'])
      await peer.subscribe(topic, 'sensor_msgs/msg/Image');
    const node = world.start({
      model: world.models.quick,
      autostart: true,
      max_image_age: 2,
      command_timeout: 1,
    });
    await node.logged(/activate: inactive -> active/);
  });

  it('tells what it has loaded, to those that come later too', async () => {
    const { peer } = world;
    await peer.subscribe('model_info', 'aid_msgs/msg/ModelInfo', LATCHED);
    const [{ message }] = await peer.wait('model_info');
    expect(message).toMatchObject({
      model_id: 'quick',
      model_path: world.models.quick,
      model_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      execution_provider: 'cpu',
      threads: 1,
      width: 32,
      height: 32,
      max_frames: 4,
      frames_per_second: 5,
    });
  });

  it('refuses a command while there is no camera', async () => {
    const { peer } = world;
    const message = await peer.outcomeOf('put the red cube on the blue plate');
    expect(message).toMatchObject({ error_code: 200, error_msg: expect.stringContaining('no camera frame') });
    expect((await peer.diagnostics('/aid_planner')).message).toBe('no camera frame yet');
  });

  it('imagines what the camera sees', async () => {
    const { peer } = world;
    const [fx, cx, cy] = [50, 31.5, 23.5];
    const k = [fx, 0, cx, 0, fx, cy, 0, 0, 1];
    const p = [fx, 0, cx, 0, 0, fx, cy, 0, 0, 0, 1, 0];
    await peer.camera(image(), {
      info: { width: 64, height: 48, k, p, distortion_model: 'plumb_bob', d: [0, 0, 0, 0, 0] },
    });
    await peer.command('put the red cube on the blue plate');
    const [{ message: clip }] = await peer.wait('clip');
    const frame = { width: 32, height: 32, encoding: 'rgb8', step: 96, header: clip.header };
    expect(clip).toMatchObject({
      header: { frame_id: 'camera' },
      instruction: 'put the red cube on the blue plate',
      states: [expect.any(String), expect.any(String), expect.any(String), expect.any(String)],
      states_written_by: expect.stringMatching(/template/),
      model_id: 'quick',
      num_inference_steps: 2,
      num_given_frames: 1,
      frame_guidance: 1,
      text_guidance: 2,
      time_from_start: [0, 200, 400, 600].map((ms) => ({ sec: 0, nanosec: ms * 1e6 })),
      frames: [frame, frame, frame, frame],
      compressed_frames: [],
      confidence: [],
      rank: 0,
      score: 0,
    });
    // 64x48 was scaled by 2/3 and cropped to 32x32.
    expect(clip.camera_info).toMatchObject({ width: 32, height: 32, header: clip.header });
    expect(clip.camera_info.k[0]).toBeCloseTo((50 * 2) / 3, 6);
    expect(clip.camera_info.k[2]).toBeCloseTo(15.5, 6);
    expect(clip.camera_info.k[5]).toBeCloseTo(15.5, 6);
    const [{ message: outcome }] = await peer.wait('outcomes');
    expect(outcome).toMatchObject({ error_code: 0, error_msg: '', plan_id: clip.plan_id });
    const [{ message: goal }] = await peer.wait('goal_image');
    expect(goal).toEqual(clip.frames[3]);
    expect(await peer.wait('goal_preview', { count: 2 })).toHaveLength(2);
  });

  it('plays the clip frame after frame, over and over', async () => {
    const { peer } = world;
    await peer.drain('clip');
    await peer.drain('outcomes');
    await peer.command('push the green ball to the left');
    const { frames } = (await peer.wait('clip')).at(-1)?.message ?? {};
    await peer.wait('outcomes');
    await peer.drain('preview');
    const heard = (await peer.wait('preview', { count: 9 })).map(({ message }) => message);
    const places = heard.map((each) =>
      frames.findIndex((frame: object) => JSON.stringify(frame) === JSON.stringify(each)),
    );
    const [first = -1] = places;
    expect(first).toBeGreaterThanOrEqual(0);
    expect(places).toEqual(places.map((_, index) => (first + index) % frames.length));
  });

  it.each([
    ['of another camera', { header: { frame_id: 'wrist' } }],
    ['that was never calibrated', { k: [0, 0, 0, 0, 0, 0, 0, 0, 0], p: Array(12).fill(0) }],
  ])('a clip has no calibration %s', async (_, fields) => {
    const { peer } = world;
    const k = [50, 0, 31.5, 0, 50, 23.5, 0, 0, 1];
    await peer.camera(image(), { info: { width: 64, height: 48, k, ...fields } });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await peer.drain('clip');
    await peer.command('put the red cube on the blue plate');
    const { camera_info } = (await peer.wait('clip')).at(-1)?.message ?? {};
    expect(camera_info).toMatchObject({ width: 0, height: 0, k: Array(9).fill(0) });
  });

  it('takes what a camera of 1280x720 sees', async () => {
    const { peer } = world;
    await peer.camera(image({ width: 1280, height: 720, pixel: [10, 200, 30] }));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await peer.drain('clip');
    expect(await peer.outcomeOf('put the red cube on the blue plate')).toMatchObject({ error_code: 0 });
    expect((await peer.wait('clip')).at(-1)?.message.frames[0]).toMatchObject({ width: 32, height: 32 });
    await peer.camera(image());
    await new Promise((resolve) => setTimeout(resolve, 500));
  });

  it('gives the same pixels for the same seed, and keeps the last clip for those that come later', async () => {
    const { peer } = world;
    const set = { name: 'seed', value: { type: 2, integer_value: 7 } };
    const service = '/aid_planner/set_parameters';
    await peer.do('call', {
      service,
      type: 'rcl_interfaces/srv/SetParameters',
      fields: { parameters: [{ ...set }] },
    });
    const clips = [];
    for (let i = 0; i < 2; i++) {
      await peer.command('push the green ball to the left');
      clips.push((await peer.wait('clip'))[0]?.message);
    }
    expect(clips[0].seed).toBe(7);
    expect(clips[0].frames.map(({ data }: { data: object }) => data)).toEqual(
      clips[1].frames.map(({ data }: { data: object }) => data),
    );
  });

  it('takes every encoding, with padded rows, and sees the same in each', async () => {
    const { peer } = world;
    const imagined = async (encoding: string, pixel: readonly number[]) => {
      await peer.camera(image({ encoding, pixel, padding: 13 }));
      await new Promise((resolve) => setTimeout(resolve, 300));
      await peer.drain('clip');
      await peer.command('put the red cube on the blue plate');
      return (await peer.wait('clip'))[0]?.message.frames.map(({ data }: { data: object }) => data);
    };
    const clip = await imagined('rgb8', [200, 90, 10]);
    expect(await imagined('bgr8', [10, 90, 200])).toEqual(clip);
    expect(await imagined('rgba8', [200, 90, 10, 3])).toEqual(clip);
    expect(await imagined('bgra8', [10, 90, 200, 250])).toEqual(clip);
    const grey = await imagined('mono8', [120]);
    expect(grey).not.toEqual(clip);
    expect(await imagined('rgb8', [120, 120, 120])).toEqual(grey);
  });

  it.each([
    ['16 bits', { ...image(), encoding: 'rgb16' }, /expected one of the encodings .* got rgb16/],
    ['no encoding', { ...image(), encoding: '' }, /got none/],
    ['a step that is too short', { ...image(), step: 10 }, /step of at least 192/],
    ['missing rows', { ...image(), data: { repeat: [1, 100] } }, /expected 9216 bytes.*got 100/],
    ['no pixels', { ...image(), width: 0, height: 0, step: 0, data: { repeat: [1, 0] } }, /at least 8x8/],
  ])('refuses a picture with %s and lives on', async (_, fields, reason) => {
    const { peer } = world;
    await peer.camera(fields);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const message = await peer.outcomeOf('put the green cube on the blue plate');
    expect(message.error_code).toBe(102);
    expect(message.error_msg).toMatch(reason);
  });

  it('refuses an empty command, one that is too long, and what the parameters make impossible', async () => {
    const { peer } = world;
    expect(await peer.outcomeOf('  ')).toMatchObject({ error_code: 101 });
    await peer.command('put it '.repeat(200));
    expect((await peer.wait('outcomes')).at(-1)?.message).toMatchObject({
      error_code: 101,
      error_msg: expect.stringMatching(/at most 1000 characters/),
    });
    const set = (value: number) => {
      const parameters = [{ name: 'num_frames', value: { type: 2, integer_value: value } }];
      const service = '/aid_planner/set_parameters';
      return peer.do('call', { service, type: 'rcl_interfaces/srv/SetParameters', fields: { parameters } });
    };
    await set(5);
    expect(await peer.outcomeOf('put the red cube on the blue plate')).toMatchObject({
      error_code: 100,
      error_msg: 'num_frames: expected at most 4, got 5',
    });
    await set(0);
  });

  it('a storm of 1,000 commands in a second: the last one wins, and every one has its outcome', async () => {
    const { peer } = world;
    await peer.camera(image());
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = await peer.diagnostics('/aid_planner');
    await peer.drain('clip');
    await peer.do('storm', { topic: 'instruction', count: 1000, seconds: 1 });
    const heard = await peer.wait('outcomes', { count: 1000, timeout: 60 });
    const outcomes = heard.map(({ message }) => message);
    const codes = new Set(outcomes.map(({ error_code }) => error_code));
    expect([...codes].every((code) => [0, 300, 301].includes(code))).toBe(true);
    expect(new Set(outcomes.map(({ instruction }) => instruction)).size).toBe(1000);
    expect(outcomes.find(({ instruction }) => instruction === 'command 999').error_code).toBe(0);
    expect((await peer.wait('clip')).at(-1)?.message.instruction).toBe('command 999');
    const after = await peer.diagnostics('/aid_planner');
    const counted = (name: string) => Number(after[name]) - Number(before[name]);
    expect(counted('commands')).toBe(1000);
    expect(counted('dropped')).toBeGreaterThan(0);
    expect(counted('dropped')).toBe(outcomes.filter(({ error_code }) => error_code === 301).length);
    expect(counted('preempted')).toBe(outcomes.filter(({ error_code }) => error_code === 300).length);
    expect(after.lost).toBe('0');
  });

  it('a camera that stops: the command waits for a newer frame, then is refused', async () => {
    const { peer } = world;
    await peer.do('camera_stop', { topic: 'image' });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const message = await peer.outcomeOf('put the red cube on the blue plate');
    expect(message.error_code).toBe(201);
    expect(message.error_msg).toMatch(/latest frame is \d+\.\d s old/);
    const { level, message: health } = await peer.diagnostics('/aid_planner');
    expect(health).toMatch(/latest frame is/);
    expect(Number(level)).toBe(1);
    await peer.camera(image());
    expect(await peer.outcomeOf('put the red cube on the blue plate')).toMatchObject({ error_code: 0 });
  });

  it('takes files on image/compressed, and gives files', async () => {
    const { peer } = world;
    const set = async (name: string, value: string) => {
      const parameters = [{ name, value: { type: 4, string_value: value } }];
      const service = '/aid_planner/set_parameters';
      const fields = { parameters };
      return (await peer.do('call', { service, type: 'rcl_interfaces/srv/SetParameters', fields }))
        .results[0];
    };
    expect(await set('image_transport', 'compressed')).toMatchObject({
      successful: false,
      reason: expect.stringContaining('deactivate it first'),
    });
    await peer.change('/aid_planner', 'deactivate');
    expect(await set('image_transport', 'compressed')).toMatchObject({ successful: true });
    expect(await set('clip_format', 'png')).toMatchObject({ successful: true });
    await peer.change('/aid_planner', 'activate');
    const { encodePng } = await import('#planner/conditioning/frame.js');
    const file = await encodePng({ width: 32, height: 32, data: new Uint8Array(32 * 32 * 3).fill(50) });
    const fields = {
      header: { frame_id: 'camera' },
      format: 'png',
      data: `0x${Buffer.from(file).toString('hex')}`,
    };
    await peer.do('camera', { topic: 'image/compressed', type: 'sensor_msgs/msg/CompressedImage', fields });
    await peer.drain('clip');
    await peer.command('put the red cube on the blue plate');
    const [{ message: clip }] = await peer.wait('clip');
    expect(clip.frames).toEqual([]);
    expect(clip.compressed_frames).toHaveLength(4);
    expect(clip.compressed_frames[0]).toMatchObject({ format: 'png', header: clip.header });
  });

  it("the demo's planner receives a clip over DDS and writes it into a bag and a picture", async () => {
    const folder = world.folder();
    const command = 'put the red cube on the blue plate';
    const demo = world.run('../../scripts/ros/ask-planner.mjs', 'image/compressed', command, folder);
    expect([await demo.exit, demo.log]).toEqual([
      { code: 0, signal: null },
      expect.stringMatching(/the clip came over DDS \d+ ms after/),
    ]);
    const [{ clip, images }] = (await readClipBag(join(folder, 'clip.mcap'))) as [ClipBag];
    expect(clip).toMatchObject({ instruction: command, compressed_frames: { length: 4 } });
    expect(clip.sigmas).toHaveLength(clip.num_inference_steps);
    expect(images).toHaveLength(1);
    expect(existsSync(join(folder, 'clip.webp'))).toBe(true);
  });

  it("the demo's planner ends in order, with the reason, where the model cannot be loaded", async () => {
    const { peer } = world;
    for (const transition of ['deactivate', 'cleanup']) await peer.change('/aid_planner', transition);
    const parameters = [{ name: 'model', value: { type: 4, string_value: '/nowhere' } }];
    const set = { service: '/aid_planner/set_parameters', type: 'rcl_interfaces/srv/SetParameters' };
    await peer.do('call', { ...set, fields: { parameters } });
    const demo = world.run('../../scripts/ros/ask-planner.mjs', 'image/compressed', 'put it', world.folder());
    expect(await peer.change('/aid_planner', 'configure')).toEqual({ success: false });
    expect(await demo.exit).toEqual({ code: 1, signal: null });
    expect(demo.log).toMatch(/^demo: \/aid_planner: imagination: configure failed: .*\/nowhere.*\n$/);
  });
});
