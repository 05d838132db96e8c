import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { readAblationConfig } from '#planner/evaluation/ablation/ablation-config.js';
import { ABLATION_ROWS, withoutPart } from '#planner/evaluation/ablation/rows.js';
import { simFingerprint } from '#planner/evaluation/scene-maker.js';
import { aid } from '../../cli/run-aid.js';
import { putBags, runConfig, sharedFolder, writeConfig } from '../training/tiny-runs.js';
import { SCENES_FIXTURE } from './fake-sim.js';

let folder: string;
let file: string;

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

  const model = join(folder, 'rows', 'full', 'model', 'aid', 'model.safetensors');
  const written = statSync(model).mtimeMs;
  const again = await aid(['ablate', file, '--threads', '1']);
  expect(again.stdout).toBe(stdout);
  expect(statSync(model).mtimeMs).toBe(written);
}, 600_000);

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

it('refuses rows that it does not know and runs of another recipe', () => {
  const odd = (change: object): string => {
    const path = join(folder, 'odd.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...change }));
    return path;
  };
  expect(() => readAblationConfig(odd({ rows: ['no-luck'] }))).toThrow(
    /odd.json: rows: expected some of full, .*, got no-luck$/,
  );
  expect(() => readAblationConfig(odd({ train: join(folder, 'backbone.json') }))).toThrow(
    /expected the recipe adapt, got backbone$/,
  );
});
