import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import { LpipsNetwork } from '#planner/evaluation/features/lpips-network.js';
import { RunWriter, readSavedRun, type SavedRun } from '#planner/evaluation/saved-run.js';
import { scoreRun } from '#planner/evaluation/score.js';
import { Random } from '#planner/random.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { readSafetensorsHeader, type TensorToWrite, writeSafetensors } from '#planner/weights/safetensors.js';
import { aid } from '../../cli/run-aid.js';
import { sharedFolder } from '../training/tiny-runs.js';

const NARROW = resolve('test/fixtures/more-goldens/lpips-narrow/weights.safetensors');
const [WIDTH, HEIGHT, FRAMES] = [40, 32, 3];
const engine = new OnnxRuntimeEngine({ threads: 1 });
afterAll(() => engine.dispose());

const random = new Random(1);
const noise = (width: number, height: number): Frame[] =>
  Array.from({ length: FRAMES }, () => ({
    width,
    height,
    data: Uint8Array.from({ length: width * height * 3 }, () => random.below(256)),
  }));

/** Two samples of noise; the second is exactly the truth. */
async function save(folder: string, width = WIDTH, height = HEIGHT): Promise<SavedRun> {
  const writer = await RunWriter.open<null>(folder, folder);
  for (const name of ['another', 'the same']) {
    const truth = noise(width, height);
    const frames = name === 'the same' ? truth : noise(width, height);
    const clips = [{ kind: 'commanded', instruction: 'do', seed: 1, frames }] as const;
    await writer.add({ name, instruction: 'do', truth, clips }, null);
  }
  await writer.end({
    data: 'noise',
    model: { path: '/models/x', sha256: 'ab' },
    engine: { name: 'onnxruntime', provider: 'cpu', threads: 1 },
    sampling: {},
    statesWrittenBy: 'template',
    video: { numFrames: FRAMES, width, height, framesPerSecond: 5, givenFrames: 1 },
    protocol: [],
    warnings: [],
  });
  await writer.close();
  return readSavedRun(folder);
}

const folder = sharedFolder();
let run: SavedRun;
beforeAll(async () => {
  run = await save(join(folder, 'run'));
});

it('is the mean over frames and samples, 0 where a clip is the truth', async () => {
  const lpips = await LpipsNetwork.load(engine, NARROW);
  const { scores, samples } = await scoreRun(run, { lpips });
  const score = scores.find(({ name }) => name === 'lpips');
  expect(samples[1]?.lpips).toBe(0);
  expect(samples[0]?.lpips).toBeGreaterThan(0.01);
  expect(score).toMatchObject({
    value: (samples[0]?.lpips ?? 0) / 2,
    protocol: expect.stringMatching(/^version 0.1 on AlexNet, at 40x32, all 3 frames, the 1 given included/),
    sampleCount: 2,
    interval: [expect.any(Number), expect.any(Number)],
    weightsSha256: lpips.sha256,
  });
  await lpips.release();
});

it('takes the published linear weights where the file has none', async () => {
  const file = join(folder, 'alexnet.safetensors');
  const tensors = new Map<string, TensorToWrite>();
  const shapes: readonly (readonly [number, number[]])[] = [
    [0, [64, 3, 11, 11]],
    [3, [192, 64, 5, 5]],
    [6, [384, 192, 3, 3]],
    [8, [256, 384, 3, 3]],
    [10, [256, 256, 3, 3]],
  ];
  for (const [place, shape] of shapes) {
    const size = shape.reduce((a, b) => a * b);
    const data = Float32Array.from({ length: size }, () => random.uniform() - 0.5);
    tensors.set(`features.${place}.weight`, { shape, data });
    tensors.set(`features.${place}.bias`, {
      shape: [shape[0] as number],
      data: new Float32Array(shape[0] as number),
    });
  }
  tensors.set('classifier.1.weight', { shape: [1], data: Float32Array.of(1) });
  await writeSafetensors(file, tensors);
  const lpips = await LpipsNetwork.load(engine, file);
  const [distance = 0] = await lpips.distances(noise(WIDTH, HEIGHT), noise(WIDTH, HEIGHT));
  expect(distance).toBeGreaterThan(0);
  await lpips.release();
  const linear = readSafetensorsHeader(resolve('models/lpips/linear.safetensors'));
  expect([...linear].map(([key, { shape }]) => [key, shape[1]])).toEqual([
    ['lin0.model.1.weight', 64],
    ['lin1.model.1.weight', 192],
    ['lin2.model.1.weight', 384],
    ['lin3.model.1.weight', 256],
    ['lin4.model.1.weight', 256],
  ]);
});

it('of frames that are too small is told not to be measured, of weights of another network refused', async () => {
  const small = await save(join(folder, 'small'), 30, 32);
  const lpips = await LpipsNetwork.load(engine, NARROW);
  const { scores, notMeasured } = await scoreRun(small, { lpips });
  expect(scores.map(({ name }) => name)).toEqual(['psnr', 'ssim']);
  const reason = 'expected sides of at least 31, got 30x32';
  expect(notMeasured).toEqual([{ name: 'lpips', protocol: 'alex', reason }]);
  await expect(LpipsNetwork.load(engine, NARROW.replace('lpips-narrow', 'i3d-narrow'))).rejects.toThrow(
    /expected AlexNet's weights, with a tensor features.0.weight$/,
  );
});

it('aid score --lpips prints it', async () => {
  const { exitCode, stdout } = await aid(['score', run.folder, '--lpips', NARROW, '--provider', 'cpu']);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^lpips +[\d.e-]+ +95 %: .*, n = 2$/m);
});
