import {
  cpSync,
  existsSync,
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
import { ABLATION_ROWS, withoutPart } from '#planner/evaluation/ablation/rows.js';
import { readSavedRun } from '#planner/evaluation/saved-run.js';
import { simFingerprint } from '#planner/evaluation/scene-maker.js';
import { readRunConfig } from '#planner/training/run-config.js';
import { aid } from '../../cli/run-aid.js';
import { modelTensors, putBags, runConfig, sharedFolder, writeConfig } from '../training/tiny-runs.js';
import { SCENES_FIXTURE } from './fake-sim.js';

let folder: string;
let file: string;

type Tensors = ReturnType<typeof modelTensors>;

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
    JSON.stringify({ output: 'rows', train, steps: 2, scenes: range, numInferenceSteps: 1 }),
  );
});

it('trains and evaluates every row with the same budget, and goes on where it was stopped', async () => {
  const { exitCode, stdout, stderr } = await aid(['ablate', file, '--threads', '1']);
  expect(exitCode, stderr).toBe(0);
  const results = JSON.parse(readFileSync(join(folder, 'rows', 'ablation.json'), 'utf8'));
  expect(results.map(({ name }: { name: string }) => name)).toEqual(ABLATION_ROWS.map(({ name }) => name));
  for (const result of results)
    expect(result).toMatchObject({ steps: 2, scenes: 1, loss: expect.any(Number) });
  const trained = Object.fromEntries(
    results.map((each: Record<string, unknown>) => [each.name, each.trainedNumbers]),
  );
  // What is left out is not trained: fewer numbers in every row, and the parts add up.
  for (const { name } of ABLATION_ROWS.slice(1)) expect(trained[name], name).toBeLessThan(trained.full);
  const lost = (name: string): number => trained.full - trained[name];
  expect(lost('no-temporal')).toBe(lost('no-short-term') + lost('no-long-term'));
  expect(lost('no-adapters')).toBe(lost('no-temporal') + lost('no-spatial'));
  expect(stdout).toContain('| w/o all adapters |');
  expect(stdout.match(/^\| AID \|/gm)).toHaveLength(2);
  const plot = readFileSync(join(folder, 'rows', 'ablation.svg'), 'utf8');
  expect(plot.match(/<circle /g)).toHaveLength(2 * ABLATION_ROWS.length);
  // What to compare with: in the plot of following three lines, in that of PSNR two, and the legend's three.
  expect(plot.match(/stroke-dasharray/g)).toHaveLength(8);
  for (const label of ['chance', 'first frame copied', 'truth, autoencoded']) {
    expect(stdout.match(new RegExp(`^\\| \\*${label}\\* \\|`, 'gm'))).toHaveLength(2);
    expect(plot).toContain(`>${label}</text>`);
  }
  expect(stdout).toContain(`| *chance* | | | ${(100 * results[0].chance).toFixed(1)} % | |  |  |`);

  // The clips of a row are a saved run like any other.
  const run = readSavedRun(join(folder, 'rows', 'no-states', 'run'));
  expect(run.samples.map(({ name }) => name)).toEqual(['scene 10003']);
  expect(run.model.sha256).toBe(results[4].modelSha256);

  const model = join(folder, 'rows', 'full', 'model', 'aid', 'model.safetensors');
  const written = statSync(model).mtimeMs;
  const again = await aid(['ablate', file, '--threads', '1']);
  expect(again.stdout).toBe(stdout);
  expect(statSync(model).mtimeMs).toBe(written);

  // A row whose clips are gone is measured again, and no other.
  const [measured, kept] = ['no-states', 'full'].map((name) => join(folder, 'rows', name, 'run', 'run.json'));
  const before = statSync(kept as string).mtimeMs;
  rmSync(join(folder, 'rows', 'no-states', 'run'), { recursive: true });
  expect((await aid(['ablate', file, '--threads', '1'])).stdout).toBe(stdout);
  expect(existsSync(measured as string)).toBe(true);
  expect(statSync(kept as string).mtimeMs).toBe(before);
}, 600_000);

it('trains some of the rows alone, and puts the table and the plot where they are asked for', async () => {
  const [output, docs] = [join(folder, 'some'), join(folder, 'docs')];
  const config = changed({ output });
  const { exitCode, stdout, stderr } = await aid([
    ...['ablate', config, '--rows', 'full', 'no-states', '--out', docs, '--threads', '1'],
  ]);
  expect(exitCode, stderr).toBe(0);
  expect(stdout.match(/^\| [^*|]+ \|/gm)).toEqual(['| AID |', '| w/o states |', '| AID |']);
  expect(stdout).toMatch(
    /Commands followed less than by AID, the intervals apart: (by no row|w\/o states)\./,
  );
  expect(readdirSync(docs).sort()).toEqual(['ablation.md', 'ablation.svg']);
  expect(readFileSync(join(docs, 'ablation.md'), 'utf8')).toContain('](ablation.svg)');

  // The rows that are there were trained on these recordings.
  putBags(join(folder, 'fewer'), ['good/episode-0']);
  const data = { bags: 'fewer/bags' };
  const fewer = writeConfig(folder, 'adapt', { output: 'fewer-adapt', steps: 40 }, { data });
  const { stderr: told } = await aid(['ablate', changed({ output, train: fewer }), '--rows', 'full']);
  expect(told).toMatch(
    /^aid: .*some: holds rows that were trained on 4 bags \(\w+\), where .*fewer\/bags now has 1 bags \(\w+\);/,
  );

  // And started from these weights.
  const base = join(folder, 'other', 'model');
  cpSync(realpathSync(join(folder, 'backbone', 'model')), base, { recursive: true });
  const weights = join(base, 'unet', 'diffusion_pytorch_model.safetensors');
  const bytes = readFileSync(weights);
  bytes[bytes.length - 2] = (bytes.at(-2) ?? 0) ^ 1;
  writeFileSync(weights, bytes);
  const train = writeConfig(folder, 'adapt', { output: 'other-adapt', steps: 40 }, { base });
  const other = await aid(['ablate', changed({ output, train }), '--rows', 'full', '--threads', '1']);
  expect([other.exitCode, other.stderr]).toEqual([
    1,
    expect.stringMatching(/^aid: .*some: holds rows that start from other weights than those now in .*other/),
  ]);
}, 600_000);

it('starts from the backbone of a whole model, without what was trained for AID there', async () => {
  await runConfig(writeConfig(folder, 'adapt', { output: 'whole', steps: 6 }));
  const again = (fresh: true | undefined) =>
    writeConfig(
      folder,
      'adapt',
      { output: fresh ? 'fresh' : 'further', steps: 1, learningRate: { peak: 1e-12, warmupSteps: 0 } },
      {
        base: 'whole/model',
        words: undefined,
        text_encoder: undefined,
        train: [],
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

it('starts, as shipped, from aid-mini, with its parts and its noise', () => {
  const { train, rows } = readAblationConfig('models/training/ablation.json');
  const { recipe } = readRunConfig('models/training/aid-mini.json');
  if (recipe.recipe !== 'adapt') throw new Error('not an adapt run');
  const { aid, sigma, lastFrameWeight, numFrames, frame } = recipe;
  expect(train.recipe).toMatchObject({
    aid,
    sigma,
    lastFrameWeight,
    numFrames,
    frame,
    fresh: true,
    train: [],
  });
  expect(train.recipe.base).toBe(resolve('models/aid-mini'));
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
