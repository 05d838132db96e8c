import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { writeTinyModel } from '../support/tiny-model.js';
import { describeWithRos, image, LATCHED, worldForTests } from './ros-world.js';

/** action_msgs/msg/GoalStatus */
const STATUS = { succeeded: 4, canceled: 5, aborted: 6 };

describeWithRos('the action imagine', () => {
  const world = worldForTests(62);
  const goal = (fields: object, key = 'goal', action = 'imagine') =>
    world.peer.do('send_goal', {
      action,
      fields: { instructions: ['put the red cube on the blue plate'], ...fields },
      key,
    });
  const result = (key = 'goal') => world.peer.do('result', { key });

  beforeAll(async () => {
    const { peer } = world;
    const node = world.start({ model: world.models.slow, autostart: true });
    await peer.subscribe('clip', 'aid_msgs/msg/Clip', LATCHED);
    await peer.camera(image());
    await node.logged(/activate: inactive -> active/);
    await new Promise((resolve) => setTimeout(resolve, 500));
    // From its first clip on it knows how long its steps and its decoding take.
    await goal({ num_inference_steps: 2 });
    expect((await result()).result.error_code).toBe(0);
  });

  it('imagines on the latest camera frame and tells how far it is', async () => {
    const { peer } = world;
    const { accepted, id } = await goal({ num_inference_steps: 5, seed: 3, preview: true });
    expect(accepted).toBe(true);
    const { status, result: clip } = await result();
    expect(status).toBe(STATUS.succeeded);
    expect(clip).toMatchObject({
      error_code: 0,
      error_msg: '',
      clips: [{ seed: 3, num_inference_steps: 5, rank: 0 }],
    });
    expect(Buffer.from(clip.clips[0].plan_id.uuid).toString('hex')).toBe(id);
    expect(clip.clips[0].frames).toHaveLength(8);
    const feedback = (await peer.wait('feedback goal', { count: 5 })).map(({ message }) => message);
    expect(feedback.map(({ step, steps, clip: index, clips }) => [step, steps, index, clips])).toEqual(
      [1, 2, 3, 4, 5].map((step) => [step, 5, 0, 1]),
    );
    expect(feedback[0].preview).toMatchObject({
      width: 96,
      height: 96,
      encoding: 'rgb8',
      header: clip.clips[0].header,
    });
    const seconds = feedback.map(({ estimated_time_remaining: eta }) => eta.sec + eta.nanosec / 1e9);
    expect(seconds[0]).toBeGreaterThan(seconds[4] as number);
    // After the last step the frames are still to be decoded.
    expect(seconds[4]).toBeGreaterThan(0);
    // The clip is on the topic too, field by field the same.
    const published = async () => (await peer.wait('clip')).at(-1)?.message;
    await expect.poll(published).toEqual(clip.clips[0]);
  });

  it("a goal's steps are seen on goal_preview while anybody watches, and its feedback has none unasked", async () => {
    const { peer } = world;
    await peer.subscribe('goal_preview', 'sensor_msgs/msg/Image');
    await expect
      .poll(async () => (await peer.do('endpoints', { topic: '/goal_preview' })).subscriptions, {
        timeout: 20_000,
      })
      .toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await goal({ num_inference_steps: 3 });
    const { result: answer } = await result();
    const previews = await peer.wait('goal_preview', { count: 3 });
    for (const { message } of previews)
      expect(message).toMatchObject({ width: 96, height: 96, header: answer.clips[0].header });
    const feedback = await peer.wait('feedback goal', { count: 3 });
    for (const { message } of feedback) expect(message.preview).toMatchObject({ width: 0, height: 0 });
  });

  it('several instructions and candidates: each ranked, with confidence; feedback without previews', async () => {
    const { peer } = world;
    const instructions = ['put the red cube on the blue plate', 'push the green ball to the left'];
    await goal({ instructions, candidates: 2, seed: 10, num_inference_steps: 2, num_frames: 4 });
    const { result: answer } = await result();
    expect(answer.error_code).toBe(0);
    const { clips } = answer;
    expect(
      clips.map(({ instruction, rank }: { instruction: string; rank: number }) => [instruction, rank]),
    ).toEqual([
      [instructions[0], 0],
      [instructions[0], 1],
      [instructions[1], 0],
      [instructions[1], 1],
    ]);
    for (const clip of clips) {
      expect([10, 11]).toContain(clip.seed);
      expect(clip.confidence).toHaveLength(4);
      expect(clip.confidence.every((each: number) => each >= 0 && each <= 1)).toBe(true);
      expect(clip.score).toBeLessThanOrEqual(0);
      expect(clip.warnings).toEqual([expect.stringContaining('4 frames asked')]);
    }
    expect(clips[0].score).toBeGreaterThanOrEqual(clips[1].score);
    const feedback = (await peer.wait('feedback goal', { count: 8 })).map(({ message }) => message);
    expect(feedback.at(-1)).toMatchObject({
      clip: 3,
      clips: 4,
      step: 2,
      steps: 2,
      preview: { width: 0, height: 0 },
    });
  });

  it('imagines on frames and with states that come with the goal', async () => {
    const frames = [
      image({ pixel: [1, 2, 3] }),
      { ...image(), header: { frame_id: 'gripper', stamp: { sec: 5, nanosec: 6 } } },
    ];
    const states = ['it waits', 'it reaches', 'it moves', 'it is done'];
    await goal({ frames, states, num_inference_steps: 2 });
    const { result: answer } = await result();
    expect(answer.clips[0]).toMatchObject({
      header: { frame_id: 'gripper', stamp: { sec: 5, nanosec: 6 } },
      states,
      states_written_by: 'caller',
      num_given_frames: 2,
    });
    // The conditioning frame is the second one, and what was before it is in the past.
    expect(answer.clips[0].time_from_start.slice(0, 3)).toEqual([
      { sec: -1, nanosec: 800_000_000 },
      { sec: 0, nanosec: 0 },
      { sec: 0, nanosec: 200_000_000 },
    ]);
  });

  it.each([
    ['no instruction', { instructions: [] }, 100, /^instructions: expected at least 1, got 0$/],
    ['an empty instruction', { instructions: ['put', ' '] }, 101, /instructions\[1\]/],
    ['three states', { states: ['a', 'b', 'c'] }, 100, /states: expected none or 4/],
    ['a seed below -1', { seed: -2 }, 100, /seed/],
    ['an unknown preset', { preset: 'none-such' }, 100, /preset: the model has no none-such/],
    ['too many frames', { num_frames: 999 }, 100, /^num_frames: expected at most 8, got 999$/],
    ['too many steps', { num_inference_steps: 1001 }, 100, /^num_inference_steps: expected at most 1000/],
    ['guidance that is no number', { text_guidance: 'nan' }, 100, /text_guidance/],
    [
      'more given frames than it shall have',
      { frames: [image(), image()], num_frames: 1 },
      100,
      /^frames: .* got 2/,
    ],
    ['a picture of 16 bits', { frames: [image({ encoding: 'rgb16' })] }, 102, /got rgb16/],
    [
      'a file that is none',
      { compressed_frames: [{ format: 'png', data: '0x0102' }] },
      102,
      /JPEG, PNG or WebP/,
    ],
  ])('aborts a goal with %s, with its reason, and no other for it', async (_, fields, code, reason) => {
    const { peer } = world;
    await goal({ num_inference_steps: 1000 }, 'good');
    await peer.wait('feedback good');
    await goal(fields, 'bad');
    const { status, result: answer } = await result('bad');
    expect(status).toBe(STATUS.aborted);
    expect(answer).toMatchObject({ error_code: code, error_msg: expect.stringMatching(reason), clips: [] });
    await peer.drain('feedback good');
    await peer.wait('feedback good');
    await peer.do('cancel', { key: 'good' });
    expect(await result('good')).toMatchObject({ status: STATUS.canceled, result: { error_code: 302 } });
  });

  it('takes pictures that are larger than what it imagines', async () => {
    const { peer } = world;
    const large = { width: 1280, height: 720 };
    const colours = [
      [200, 30, 30],
      [30, 30, 200],
    ];
    await goal({
      frames: colours.map((pixel) => image({ ...large, pixel })),
      num_inference_steps: 2,
      seed: 1,
    });
    const { result: answer } = await result();
    expect(answer).toMatchObject({ error_code: 0, clips: [{ num_given_frames: 2 }] });
    expect(answer.clips[0].frames[0]).toMatchObject({ width: 96, height: 96 });
    await peer.drain('feedback goal');
  });

  it('cancels in the middle, within a step or two', async () => {
    const { peer } = world;
    await goal({ num_inference_steps: 1000 });
    await peer.wait('feedback goal', { count: 3 });
    const { canceling } = await peer.do('cancel');
    expect(canceling).toBe(1);
    await peer.drain('feedback goal');
    const { status, result: answer } = await result();
    expect(status).toBe(STATUS.canceled);
    expect(answer).toMatchObject({ error_code: 302, clips: [] });
    await new Promise((resolve) => setTimeout(resolve, 500));
    // One may have been on its way when the cancel request was answered.
    expect((await peer.drain('feedback goal')).length).toBeLessThanOrEqual(1);
  });

  it('what ends a goal leaves the clips that were complete', async () => {
    const { peer } = world;
    const instructions = ['put the red cube on the blue plate', 'push the green ball to the left'];
    await goal({ instructions, num_inference_steps: 40, num_frames: 4, seed: 7 });
    for (;;) {
      const heard = await peer.wait('feedback goal');
      if (heard.some(({ message }) => message.clip === 1)) break;
    }
    await peer.do('cancel');
    const { status, result: answer } = await result();
    expect([status, answer.error_code]).toEqual([STATUS.canceled, 302]);
    expect(answer.clips).toMatchObject([{ instruction: instructions[0], seed: 7, num_inference_steps: 40 }]);
    expect(answer.clips[0].frames).toHaveLength(4);
    await peer.drain('feedback goal');
  });

  it('a newer goal aborts the current one', async () => {
    const { peer } = world;
    await goal({ num_inference_steps: 1000 }, 'first');
    await peer.wait('feedback first');
    await goal({ num_inference_steps: 1000 }, 'second');
    expect(await result('first')).toMatchObject({
      status: STATUS.aborted,
      result: { error_code: 300, clips: [] },
    });
    await peer.wait('feedback second');
    await goal({ num_inference_steps: 2 }, 'third');
    expect(await result('second')).toMatchObject({ status: STATUS.aborted, result: { error_code: 300 } });
    expect(await result('third')).toMatchObject({ status: STATUS.succeeded, result: { error_code: 0 } });
  });

  it('of goals that come at once the last one is carried out, and each is told what became of it', async () => {
    const { peer } = world;
    await goal({ num_inference_steps: 1000 }, 'first');
    await peer.wait('feedback first');
    const keys = Array.from({ length: 12 }, (_, i) => `burst ${i}`);
    const fields = { instructions: ['put the red cube on the blue plate'], num_inference_steps: 3 };
    await peer.do('send_goals', { action: 'imagine', fields, keys });
    const codes: number[] = [];
    for (const key of ['first', ...keys]) codes.push((await result(key)).result.error_code);
    expect(codes[0]).toBe(300);
    // How many began before the next one came is a matter of time; the queue's own tests tell dropped from preempted.
    for (const code of codes.slice(1, -1)) expect([0, 300, 301]).toContain(code);
    expect(codes.at(-1)).toBe(0);
  });

  it('a goal that waits can be canceled, and never begins', async () => {
    const { peer } = world;
    // A look at many frames takes a model of this size seconds and is not ended in the middle: what comes next waits.
    const model = await writeTinyModel(join(world.folder(), 'large'), {
      width: 256,
      height: 256,
      numFrames: 8,
    });
    const node = world.start({ model, autostart: true }, ['-r', '__ns:=/large']);
    await node.logged(/activate: inactive -> active/);
    const fields = { frames: Array(8).fill(image()) };
    await goal(fields, 'current', '/large/imagine');
    await goal(fields, 'waiting', '/large/imagine');
    await peer.do('cancel', { key: 'waiting' });
    const [waiting, current] = await Promise.all([result('waiting'), result('current')]);
    expect(waiting).toMatchObject({ status: STATUS.canceled, result: { error_code: 302 } });
    expect(current.result.error_code).toBe(300);
    expect(await peer.drain('feedback waiting')).toEqual([]);
  });

  it('a deadline costs steps, which the clip tells; one that cannot be kept ends the goal', async () => {
    const deadline = { sec: 5, nanosec: 0 };
    await goal({ num_inference_steps: 1000, preview: true, deadline });
    const { status, result: answer } = await result();
    expect([status, answer.error_code, answer.error_msg]).toEqual([STATUS.succeeded, 0, '']);
    const [clip] = answer.clips;
    expect(clip.warnings).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^to be there within \d+ ms: numInferenceSteps \d+ instead of 1000/),
      ]),
    );
    expect(clip.num_inference_steps).toBeLessThan(1000);
    expect(clip.sigmas).toHaveLength(clip.num_inference_steps);
    // Over before anything begins: a clip that is late by less than a step counts as in time.
    await goal({ num_inference_steps: 1000, deadline: { sec: 0, nanosec: 1000 } });
    const late = await result();
    expect(late.status).toBe(STATUS.aborted);
    expect(late.result).toMatchObject({
      error_code: 303,
      error_msg: expect.stringContaining('0.000001 s'),
      clips: [],
    });
  });

  it('reset ends what is under way; set_enabled refuses what comes', async () => {
    const { peer } = world;
    await goal({ num_inference_steps: 1000 });
    await peer.wait('feedback goal');
    const reset = {
      service: '/aid_planner/reset',
      type: 'aid_msgs/srv/Reset',
      fields: { forget_image: false },
    };
    expect(await peer.do('call', reset)).toMatchObject({ success: true, ended: 1 });
    expect((await result()).result.error_code).toBe(304);
    const enable = (enabled: boolean) =>
      peer.do('call', {
        service: '/aid_planner/set_enabled',
        type: 'aid_msgs/srv/SetEnabled',
        fields: { enabled },
      });
    expect(await enable(false)).toMatchObject({ success: true, was_enabled: true });
    await goal({});
    expect((await result()).result.error_code).toBe(305);
    expect(await enable(true)).toMatchObject({ success: true, was_enabled: false });
    await goal({ num_inference_steps: 2 });
    expect((await result()).result.error_code).toBe(0);
  });

  it('rejects goals while it is not active, also before it is configured, and takes them again', async () => {
    const { peer } = world;
    await goal({ num_inference_steps: 1000 }, 'interrupted');
    await peer.wait('feedback interrupted');
    expect(await peer.change('/aid_planner', 'deactivate')).toEqual({ success: true });
    expect((await result('interrupted')).result.error_code).toBe(306);
    expect(await goal({})).toEqual({ accepted: false });
    expect(await peer.change('/aid_planner', 'cleanup')).toEqual({ success: true });
    expect(await goal({})).toEqual({ accepted: false });
    expect(await peer.change('/aid_planner', 'configure')).toEqual({ success: true });
    expect(await peer.change('/aid_planner', 'activate')).toEqual({ success: true });
    await goal({ num_inference_steps: 2 }, 'again');
    expect((await result('again')).result.error_code).toBe(0);
  });
});
