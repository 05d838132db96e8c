import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { fingerprintOf, readRunConfig } from '#planner/training/run-config.js';
import { temporaryFolder, writeConfig } from './tiny-runs.js';

it('a run goes on in another place, with other threads or another kind of output, and with nothing else changed', () => {
  const folder = temporaryFolder();
  const fingerprint = (change: (config: { [key: string]: unknown; recipe: object }) => void): string => {
    const file = writeConfig(folder, 'adapt');
    const config = JSON.parse(readFileSync(file, 'utf8')) as { recipe: object };
    change(config);
    writeFileSync(file, JSON.stringify(config));
    return fingerprintOf(readRunConfig(file));
  };
  const as = fingerprint(() => undefined);
  const same = [
    fingerprint((config) => {
      config.output = 'elsewhere';
    }),
    fingerprint((config) => {
      config.checkpointEverySteps = 2;
    }),
    fingerprint((config) => {
      config.threads = 7;
    }),
    ...[
      { frozenParts: 'reference' },
      { latents: 'elsewhere' },
      { base: 'elsewhere' },
      { data: { bags: '/elsewhere' } },
    ].map((change) =>
      fingerprint((config) => {
        config.recipe = { ...config.recipe, ...change };
      }),
    ),
  ];
  expect(same).toEqual(same.map(() => as));
  const others = [
    { lastFrameWeight: 2 },
    { data: { bags: 'bags', leadMs: 100 } },
    { data: { lerobot: 'bags' } },
    { fresh: true },
  ].map((change) =>
    fingerprint((config) => {
      config.recipe = { ...config.recipe, ...change };
    }),
  );
  expect(new Set([as, ...others]).size).toBe(1 + others.length);
});
