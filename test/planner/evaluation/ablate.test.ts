import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { readAblationConfig } from '#planner/evaluation/ablation/ablation-config.js';
import type { AblationAbout } from '#planner/evaluation/ablation/ablation-report.js';
import type { AblationResult } from '#planner/evaluation/ablation/ablation-result.js';
import { ABLATION_ROWS, withoutPart } from '#planner/evaluation/ablation/rows.js';
import { checkSharedStart, checkTable } from '#planner/evaluation/ablation/shared-start.js';
import { readSavedRun } from '#planner/evaluation/saved-run.js';
import { simFingerprint } from '#planner/evaluation/scene-maker.js';
import type { EpisodeSet } from '#planner/training/data/episode.js';
import { openEpisodes } from '#planner/training/data/open-episodes.js';
import { readRunConfig } from '#planner/training/run-config.js';
import { aid } from '../../cli/run-aid.js';
import { modelTensors, putBags, runConfig, sharedFolder, writeConfig } from '../training/tiny-runs.js';
import { SCENES_FIXTURE } from './fake-sim.js';

let folder: string;
let file: string;

type Tensors = ReturnType<typeof modelTensors>;

/** Instead of a backbone without texts. */
const FROM_WHOLE = { base: 'whole/model', words: undefined, text_encoder: undefined, train: [] };

/** The config file with something else in it. */
function changed(change: object): string {
  const path = join(folder, 'changed.json');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...change }));
  return path;
}

beforeAll(async () => {
  folder = sharedFolder();
  putBags(folder);
  for (const name of ['autoencoder', 'backbone'] as const)
    await runConfig(writeConfig(folder, name, { steps: 2 }));
  const train = writeConfig(folder, 'adapt', { steps: 40 });
  const scenes = join(folder, `128x128-${simFingerprint()}`);
  cpSync(SCENES_FIXTURE, scenes, { recursive: true });
  const list = JSON.parse(readFileSync(join(scenes, 'scenes.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(join(scenes, 'scenes.json'), JSON.stringify({ ...list, width: 128, height: 128 }));
  file = join(folder, 'ablation.json');
  const range = { from: 10_003, to: 10_005, cache: folder };
  writeFileSync(
    file,
    JSON.stringify({ output: 'rows', train, steps: 2, scenes: range, sigmas: [1, 4], numInferenceSteps: 1 }),
  );
});

const PLAN = ABLATION_ROWS.filter(({ untrained }) => untrained === undefined);

interface Written {
  readonly about: AblationAbout;
  readonly results: readonly AblationResult[];
}
const written = (output: string): Written => JSON.parse(readFileSync(join(output, 'ablation.json'), 'utf8'));

it('trains and evaluates every row with the same budget, and goes on where it was stopped', async () => {
  const { exitCode, stdout, stderr } = await aid(['ablate', file, '--threads', '1']);
  expect(exitCode, stderr).toBe(0);
  const rows = join(folder, 'rows');
  const { about, results } = written(rows);
  // The base has nothing of AID: no row of it untouched.
  expect(results.map(({ name }) => name)).toEqual(PLAN.map(({ name }) => name));
  expect(about).toMatchObject({
    steps: 2,
    trainingSeed: 1,
    sigmas: [1, 4],
    episodes: expect.stringMatching(/^4 bags/),
  });
  for (const { scenes, steps, numInferenceSteps } of results) {
    expect([steps, numInferenceSteps]).toEqual([2, 1]);
    const numbers = { loss: expect.any(Number), gain: expect.any(Number), psnr: expect.any(Number) };
    expect(scenes).toMatchObject([{ seed: 10_003, ...numbers, followed: expect.any(Boolean) }]);
  }
  const trained = Object.fromEntries(results.map(({ name, trainedNumbers }) => [name, trainedNumbers]));
  const [full, lost] = [trained.full ?? 0, (name: string) => (trained.full ?? 0) - (trained[name] ?? 0)];
  // What is left out is not trained: fewer numbers in every row, and the parts add up.
  for (const { name, nextSeed } of PLAN.slice(1))
    if (nextSeed === undefined) expect(trained[name], name).toBeLessThan(full);
  expect(lost('no-temporal')).toBe(lost('no-short-term') + lost('no-long-term'));
  expect(lost('no-adapters')).toBe(lost('no-temporal') + lost('no-spatial'));
  // The same numbers from another seed.
  expect(lost('another-seed')).toBe(0);
  expect(results.at(-1)?.scenes).not.toEqual(results[0]?.scenes);
  expect(stdout).toContain('| w/o all adapters |');
  expect(readFileSync(join(rows, 'ablation.md'), 'utf8')).toContain('](ablation.svg)');
  expect(readFileSync(join(rows, 'ablation.svg'), 'utf8')).toContain('>w/o all adapters</text>');

  // The clips of a row are a saved run like any other: the command's, and another's.
  const run = readSavedRun(join(rows, 'no-states', 'run'));
  expect(run.samples.map(({ name, clips }) => [name, clips.map(({ kind }) => kind)])).toEqual([
    ['scene 10003', ['commanded', 'swapped']],
  ]);
  expect(run.model.sha256).toBe(results[4]?.modelSha256);

  // One row again: nothing is trained, and the page has all that there are.
  const [model, docs] = [join(rows, 'full', 'model', 'aid', 'model.safetensors'), join(folder, 'docs')];
  const made = statSync(model).mtimeMs;
  const again = await aid(['ablate', file, '--rows', 'full', '--out', docs, '--threads', '1']);
  expect(again.stdout).toBe(stdout);
  expect(statSync(model).mtimeMs).toBe(made);
  expect(readdirSync(docs).sort()).toEqual(['ablation.md', 'ablation.svg']);
  expect(written(rows).results).toEqual(results);

  // A row whose clips are gone is measured again, and no other.
  const [measured, kept] = ['no-states', 'full'].map((name) => join(rows, name, 'run', 'run.json'));
  const before = statSync(kept as string).mtimeMs;
  rmSync(join(rows, 'no-states', 'run'), { recursive: true });
  expect((await aid(['ablate', file, '--threads', '1'])).stdout).toBe(stdout);
  expect(existsSync(measured as string)).toBe(true);
  expect(statSync(kept as string).mtimeMs).toBe(before);
}, 1_200_000);

it('measures the base as it is, where that has something of AID, without training it', async () => {
  await runConfig(writeConfig(folder, 'adapt', { output: 'whole', steps: 6 }));
  const train = writeConfig(
    folder,
    'adapt',
    { output: 'from-whole', steps: 40 },
    { ...FROM_WHOLE, fresh: true },
  );
  const output = join(folder, 'some');
  const config = changed({ output, train });
  expect(readAblationConfig(config).rows).toEqual(ABLATION_ROWS);
  const alone = await aid(['ablate', config, '--rows', 'untouched', '--threads', '1']);
  expect(alone.exitCode, alone.stderr).toBe(0);
  expect(written(output).results).toMatchObject([{ name: 'untouched', trainedNumbers: 0, steps: 0 }]);
  expect(readdirSync(join(output, 'untouched')).sort()).toEqual(['result.json', 'run']);
  // Nothing to compare with, and nothing to draw.
  expect(alone.stdout).not.toContain('than AID');
  expect(existsSync(join(output, 'ablation.svg'))).toBe(false);

  const both = await aid(['ablate', config, '--rows', 'full', '--threads', '1']);
  expect(both.stdout).toMatch(/denoising loss: worse than AID: .*untouched base/);
  expect(written(output).results.map(({ name }) => name)).toEqual(['full', 'untouched']);
}, 600_000);

it('refuses another base, down to its autoencoder and its configs, and other episodes', async () => {
  const output = join(folder, 'shared');
  const check = async (base: string): Promise<unknown> => {
    const train = writeConfig(folder, 'adapt', { output: 'other-adapt' }, { base });
    const config = readAblationConfig(changed({ output, train }));
    return checkSharedStart(config, await openEpisodes(config.train.recipe.data), undefined);
  };
  const copied = (change: (model: string) => void): string => {
    const base = mkdtempSync(join(folder, 'base-'));
    cpSync(realpathSync(join(folder, 'backbone', 'model')), base, { recursive: true });
    change(base);
    return base;
  };
  const flip = (weights: string): void => {
    const bytes = readFileSync(weights);
    bytes[bytes.length - 2] = (bytes.at(-2) ?? 0) ^ 1;
    writeFileSync(weights, bytes);
  };
  const start = await check(copied(() => undefined));
  expect(await check(copied(() => undefined))).toEqual(start);
  for (const part of ['unet', 'vae'])
    await expect(
      check(copied((base) => flip(join(base, part, 'diffusion_pytorch_model.safetensors')))),
    ).rejects.toThrow(/shared: holds rows that start from another base than is now in .*base-/);
  const rescaled = copied((base) => {
    const config = join(base, 'vae', 'config.json');
    const json = JSON.parse(readFileSync(config, 'utf8'));
    writeFileSync(config, JSON.stringify({ ...json, scaling_factor: 2 }));
  });
  await expect(check(rescaled)).rejects.toMatchObject({ code: 'invalid-config' });
  rmSync(join(folder, 'bags', 'episode-3.mcap'));
  await expect(check(copied(() => undefined))).rejects.toThrow(
    /start from 4 bags \(\w+\) where .*bags now has 3 bags/,
  );
  putBags(folder);
});

it('refuses episodes of another table than the scenes', async () => {
  const saying = (metadata: Readonly<Record<string, string>>): EpisodeSet => {
    const episode = { name: 'e', instruction: 'i', frameCount: 1, metadata, readFrames: async () => [] };
    const open = async () => ({ episodes: [episode], skipped: [] });
    const recordings = [{ name: 'e', id: 'e', content: '', stamp: '', open }];
    return { folder: 'bags', noun: 'bags', recordings, isEpisodeEach: true, skipped: [] };
  };
  await checkTable(saying({ variant: 'workshop' }), { variant: 'workshop' });
  // A robot's own recordings say nothing.
  await checkTable(saying({}), { variant: 'workshop' });
  await expect(checkTable(saying({ variant: 'default' }), { variant: 'workshop' })).rejects.toThrow(
    /^bags: expected episodes of the table workshop, whose scenes are measured, got the table default$/,
  );
});

it('starts from the backbone of a whole model, without what was trained for AID there', async () => {
  const again = (fresh: true | undefined) =>
    writeConfig(
      folder,
      'adapt',
      { output: fresh ? 'fresh' : 'further', steps: 1, learningRate: { peak: 1e-12, warmupSteps: 0 } },
      {
        ...FROM_WHOLE,
        ...(fresh ? { fresh } : {}),
      },
    );
  for (const config of [again(true), again(undefined)]) await runConfig(config);
  const [fresh, further, base] = ['fresh', 'further', 'whole'].map((name) =>
    modelTensors(join(folder, name, 'model')),
  ) as [Tensors, Tensors, Tensors];
  const differing = (model: Tensors): string[] =>
    [...model.keys()].filter((key) =>
      model.get(key)?.values.some((x, i) => Math.abs(x - (base.get(key)?.values[i] ?? Number.NaN)) > 1e-4),
    );
  expect(differing(further)).toEqual([]);
  const kinds = new Set(differing(fresh).map((key) => /dqformer|_adapter|attn2/.exec(key)?.[0] ?? key));
  expect([...kinds].sort()).toEqual(['_adapter', 'attn2', 'dqformer']);
  for (const [key, { values }] of fresh)
    if (/_adapter\.up\./.test(key)) expect(Math.max(...values.map(Math.abs)), key).toBeLessThan(1e-6);
});

it('trains every row with the steps and the seed that the config names', () => {
  expect(readAblationConfig(file).train).toMatchObject({ steps: 2, seed: 1 });
  expect(readAblationConfig(changed({ steps: undefined, seed: 7 })).train).toMatchObject({
    steps: 40,
    seed: 7,
  });
});

it('leaves out what the row says and nothing else', () => {
  const { train } = readAblationConfig(file);
  const row = (name: string) => ABLATION_ROWS.find((each) => each.name === name) as never;
  expect(withoutPart(train.recipe, row('full'))).toEqual(train.recipe);
  expect(withoutPart(train.recipe, row('no-temporal')).aid.adapters).toEqual({
    ...train.recipe.aid.adapters,
    short_term: false,
    long_term: false,
  });
  expect(withoutPart(train.recipe, row('no-states')).aid.dqformer).toEqual({
    ...train.recipe.aid.dqformer,
    states: false,
  });
});

it('trains, as shipped, on a table that aid-mini has not seen, its UNet frozen', () => {
  const { train, rows, variant } = readAblationConfig('models/training/ablation.json');
  const { recipe } = readRunConfig('models/training/aid-mini.json');
  if (recipe.recipe !== 'adapt') throw new Error('not an adapt run');
  const { aid: parts, sigma, lastFrameWeight, numFrames, frame } = recipe;
  expect(train.recipe).toMatchObject({ aid: parts, sigma, lastFrameWeight, numFrames, frame, fresh: true });
  // Words that aid-mini does not know are read by its text tower, in letters.
  expect(train.recipe.train).toEqual(['text_encoder']);
  expect(train.recipe.base).toBe(resolve('models/aid-mini'));
  expect(train.recipe.data).not.toEqual(recipe.data);
  expect(variant).toBe(resolve('examples/own-robot/workshop.toml'));
  expect(rows).toEqual(ABLATION_ROWS);
});

it('refuses rows that it does not know and runs of another recipe', () => {
  expect(() => readAblationConfig(changed({ rows: ['no-luck'] }))).toThrow(
    /changed.json: rows: expected some of full, .*, got no-luck$/,
  );
  expect(() => readAblationConfig(changed({ train: join(folder, 'backbone.json') }))).toThrow(
    /expected the recipe adapt, got backbone$/,
  );
});
