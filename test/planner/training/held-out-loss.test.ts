import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { readCachedClip } from '#planner/training/data/latent-cache.js';
import {
  type HeldOutClip,
  type HeldOutLoss,
  type HeldOutOptions,
  heldOutLosses,
} from '#planner/training/held-out-loss.js';
import { openBase } from '#planner/weights/model-folder.js';
import { putBags, runConfig, sharedFolder, writeConfig } from './tiny-runs.js';

const engine = new OnnxRuntimeEngine({ threads: 2 });
afterAll(() => engine.dispose());

let folder: string;
let clips: HeldOutClip[];

beforeAll(async () => {
  folder = sharedFolder();
  putBags(folder);
  for (const name of ['autoencoder', 'backbone'] as const)
    await runConfig(writeConfig(folder, name, { steps: 2 }));
  const still = { steps: 1, learningRate: { peak: 1e-12, warmupSteps: 0 } };
  await runConfig(writeConfig(folder, 'adapt', { output: 'begun', ...still }));
  const learning = {
    steps: 60,
    averageDecay: 0,
    learningRate: { peak: 0.01, warmupSteps: 10, decay: 'cosine' },
  };
  const recipe = { train: ['unet', 'text_encoder'], sigma: { mean: 0, deviation: 0.5 } };
  await runConfig(writeConfig(folder, 'adapt', { output: 'trained', ...learning }, recipe));
  const latents = join(folder, 'bags', '.latents');
  const cache = join(latents, readdirSync(latents)[0] as string);
  const names = readdirSync(cache).filter((name) => name.endsWith('.safetensors'));
  const files = names.map((name) => join(cache, name));
  const said = files.map((file) => readCachedClip(file).instruction);
  clips = files.map((file, index) => ({
    seed: 100 + index,
    file,
    otherInstruction: said.find((each) => each !== said[index]) as string,
  }));
});

async function losses(
  model: string,
  options: Partial<HeldOutOptions> = {},
  of: readonly HeldOutClip[] = clips,
): Promise<HeldOutLoss[]> {
  const base = openBase(join(folder, model, 'model'));
  const all: HeldOutLoss[] = [];
  for await (const each of heldOutLosses(base, of, {
    engine,
    sigmas: [0.5, 2],
    lastFrameWeight: 1,
    ...options,
  }))
    all.push(each);
  return all;
}

const meanOf = (all: readonly HeldOutLoss[]): number =>
  all.reduce((sum, { own }) => sum + own / all.length, 0);

it('is the same every time, whatever other clips there are, and the mean over the noise levels', async () => {
  const all = await losses('begun');
  expect(all.map(({ seed }) => seed)).toEqual(clips.map(({ seed }) => seed));
  expect(await losses('begun', {}, clips.slice(1, 2))).toEqual(all.slice(1, 2));
  const [low] = await losses('begun', { sigmas: [0.5] });
  expect(all[0]?.own).not.toBeCloseTo(low?.own ?? Number.NaN, 3);
  const [again] = await losses('begun', { sigmas: [0.5, 0.5] });
  // Other noise at the second level.
  expect(again?.own).not.toBe(low?.own);
});

it('falls with training', async () => {
  expect(meanOf(await losses('trained'))).toBeLessThan(0.95 * meanOf(await losses('begun')));
});

it('depends on the command by nothing but its words', async () => {
  const told = clips.map((clip) => ({ ...clip, otherInstruction: readCachedClip(clip.file).instruction }));
  for (const { own, other } of await losses('trained', {}, told)) expect(other).toBe(own);
  for (const { own, other } of await losses('trained')) expect(other).not.toBe(own);
});

it('counts the last frame as the training does', async () => {
  const [once] = await losses('begun', {}, clips.slice(0, 1));
  const [more] = await losses('begun', { lastFrameWeight: 4 }, clips.slice(0, 1));
  expect(more?.own).not.toBeCloseTo(once?.own ?? Number.NaN, 4);
});

it('stops when it is aborted', async () => {
  await expect(losses('begun', { abortSignal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'aborted',
  });
});
