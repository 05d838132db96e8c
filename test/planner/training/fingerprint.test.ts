import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { fingerprintOf, readRunConfig } from '#planner/training/run-config.js';
import { temporaryFolder, writeConfig } from './tiny-runs.js';

it('a run goes on with another place or kind of output, and with nothing else changed', () => {
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
      config.recipe = { ...config.recipe, frozenParts: 'reference' };
    }),
  ];
  expect(same).toEqual([as, as, as]);
  const other = fingerprint((config) => {
    config.recipe = { ...config.recipe, lastFrameWeight: 2 };
  });
  expect(other).not.toBe(as);
});
