import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decodeFrame } from '#planner/conditioning/frame.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { clipMessage, imageFromFrame, readClipBag, writeClipBag } from '#sdk/messages/index.js';
import { filesForTests } from './model-for-tests.js';
import { aid, emptyFolder } from './run-aid.js';

const files = filesForTests();
// Not only ASCII.
const instruction = 'put the red cube on the Tellerchen für Bär 机';

it('a clip in a bag is imagined again bit for bit; one that was changed is told', async () => {
  const bag = join(emptyFolder(), 'clip.mcap');
  const record = await aid([
    'record',
    files.frame,
    instruction,
    '--out',
    bag,
    '--seed',
    '4',
    '--model',
    files.model,
    '--provider',
    'cpu',
  ]);
  expect(record).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining(`recorded "${instruction}", seed 4`),
  });
  // With the provider that the clip names.
  const play = await aid(['play', bag, '--model', files.model]);
  expect(play).toEqual({
    exitCode: 0,
    stdout: `"${instruction}", seed 4: the same, bit for bit\n`,
    stderr: '',
  });

  const [found] = await readClipBag(bag);
  if (found === undefined) throw new Error('no clip');
  const frames = found.clip.frames.map((frame) => ({ ...frame, data: Uint8Array.from(frame.data) }));
  const last = frames.at(-1);
  if (last !== undefined) last.data[0] = ((last.data[0] ?? 0) + 100) % 256;
  await writeClipBag(bag, { ...found, clip: { ...found.clip, frames } });
  const changed = await aid(['play', bag, '--model', files.model, '--provider', 'cpu', '--json']);
  expect(changed.exitCode).toBe(1);
  expect(JSON.parse(changed.stdout)).toEqual([
    { instruction, seed: 4, format: 'lossless', identical: false, largestDifference: expect.any(Number) },
  ]);
});

it('records what was asked of the sampler, and the calibration, and plays it again', async () => {
  const folder = emptyFolder();
  const [bag, calibration] = [join(folder, 'clip.mcap'), join(folder, 'camera.yaml')];
  const matrix = (rows: number, cols: number, data: readonly number[]) => ({ rows, cols, data });
  const { width, height } = await decodeFrame(files.frame);
  const k = [50, 0, (width - 1) / 2, 0, 50, (height - 1) / 2, 0, 0, 1];
  const info = {
    image_width: width,
    image_height: height,
    camera_name: 'camera',
    distortion_model: 'plumb_bob',
    distortion_coefficients: matrix(1, 5, [0, 0, 0, 0, 0]),
    camera_matrix: matrix(3, 3, k),
    rectification_matrix: matrix(3, 3, [1, 0, 0, 0, 1, 0, 0, 0, 1]),
    projection_matrix: matrix(3, 4, [50, 0, 31.5, 0, 0, 50, 23.5, 0, 0, 0, 1, 0]),
  };
  // JSON is YAML.
  writeFileSync(calibration, JSON.stringify(info));
  const model = ['--model', files.model, '--provider', 'cpu'];
  const sampling = ['--preset', 'fast', '--steps', '3', '--frame-guidance', '1.5', '--text-guidance', '2.5'];
  const args = ['record', files.frame, instruction, '--out', bag, '--camera-info', calibration];
  expect(await aid([...args, ...sampling, ...model])).toMatchObject({ exitCode: 0 });
  const [found] = await readClipBag(bag);
  expect(found?.clip).toMatchObject({ num_inference_steps: 3, frame_guidance: 1.5, text_guidance: 2.5 });
  const { width: shown, k: scaled } = found?.clip.camera_info ?? {};
  expect([shown, scaled?.[2]]).toEqual([found?.clip.frames[0]?.width, ((shown ?? 0) - 1) / 2]);
  expect(readFileSync(bag, 'latin1')).toContain('/camera_info');
  expect(await aid(['play', bag, ...model])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('the same, bit for bit'),
  });
  writeFileSync(calibration, JSON.stringify({ ...info, camera_matrix: matrix(3, 3, [1]) }));
  const { exitCode, stderr } = await aid([...args, '--force', ...model]);
  expect([exitCode, stderr]).toEqual([
    1,
    expect.stringMatching(/camera\.yaml: expected a calibration .*camera_matrix/),
  ]);
});

it('a clip that a deadline cut short is imagined again bit for bit', async () => {
  const bag = join(emptyFolder(), 'clip.mcap');
  const frame = await decodeFrame(files.frame);
  const header = { stamp: { sec: 1, nanosec: 2 }, frame_id: 'camera' };
  const request = { frames: [frame], instruction, seed: 4, numInferenceSteps: 1000 };
  const planner = await VideoPlanner.load(files.model, { provider: 'cpu' });
  try {
    await planner.warmUp();
    for await (const event of planner.imagine({ ...request, deadlineMs: 2000 })) {
      if (event.kind !== 'end') continue;
      const { frames, report } = event;
      expect(report.sigmas.length).toBeLessThan(1000);
      const clip = await clipMessage(
        { frames, report, rank: 0, score: 0, confidence: [] },
        {
          header,
          planId: { uuid: new Uint8Array(16) },
          generatedAt: header.stamp,
          picture: frame,
          cameraInfo: undefined,
          format: 'rgb8',
        },
      );
      await writeClipBag(bag, { images: [imageFromFrame(frame, header)], clip });
    }
  } finally {
    await planner.dispose();
  }
  const play = await aid(['play', bag, '--model', files.model, '--provider', 'cpu']);
  expect(play).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('the same, bit for bit') });
});

it.each([
  ['no file', 'nowhere.mcap', undefined, /nowhere\.mcap: could not be read/],
  ['no bag', 'text.mcap', 'hello', /text\.mcap: not a bag of ROS 2 messages/],
])('refuses %s in one line', async (_, name, content, message) => {
  const path = join(emptyFolder(), name);
  if (content !== undefined) writeFileSync(path, content);
  const { exitCode, stderr } = await aid(['play', path, '--model', files.model]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

it('replaces no bag unless it is told to, and wants the same model', async () => {
  const bag = join(emptyFolder(), 'clip.mcap');
  writeFileSync(bag, 'mine');
  const args = [
    'record',
    files.frame,
    instruction,
    '--out',
    bag,
    '--model',
    files.model,
    '--provider',
    'cpu',
  ];
  expect(await aid(args)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('--force') });
  expect(readFileSync(bag, 'utf8')).toBe('mine');
  expect((await aid([...args, '--force'])).exitCode).toBe(0);
  const [found] = await readClipBag(bag);
  if (found === undefined) throw new Error('no clip');
  await writeClipBag(bag, { ...found, clip: { ...found.clip, model_sha256: '0'.repeat(64) } });
  const { exitCode, stderr } = await aid(['play', bag, '--model', files.model, '--provider', 'cpu']);
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('expected the model')]);
});

it('a bag that cannot be written is an error before anything is loaded', async () => {
  const folder = emptyFolder();
  writeFileSync(join(folder, 'file'), '');
  const record = (out: string) =>
    aid(['record', files.frame, 'go', '--out', out, '--model', join(folder, 'nowhere'), '--force']);
  const below = join(folder, 'file', 'clip.mcap');
  expect((await record(below)).stderr).toBe(
    `aid: ${below}: could not be written: ${join(folder, 'file')} is no folder\n`,
  );
  expect((await record(folder)).stderr).toBe(`aid: ${folder}: expected a file to write, got a folder\n`);
});
