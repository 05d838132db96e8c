import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { findCases, readCase } from '#planner/verification/case.js';
import { samplerCase } from '#planner/verification/sampling.js';
import { verifyCase } from '#planner/verification/verify.js';

const fixtures = fileURLToPath(new URL('../../fixtures', import.meta.url));
const engine = new OnnxRuntimeEngine({ threads: 2 });
afterAll(() => engine.dispose());

/** What each kind of case allows, from the goldens' README. */
const TOLERANCES: readonly (readonly [RegExp, number])[] = [
  [/^(sampler|training)/, 1e-3],
  [/./, 1e-4],
];

describe.each(['goldens', 'more-goldens'])('%s of an independent implementation', (set) => {
  const folders = findCases(join(fixtures, set));

  it('are there', () => {
    expect(folders.length).toBe(set === 'goldens' ? 11 : 17);
  });

  it.each(folders.map((folder) => [folder.slice(folder.lastIndexOf('/') + 1), folder]))(
    '%s comes out',
    async (name, folder) => {
      const checks = await verifyCase(folder, { engine });
      expect(checks.length).toBeGreaterThan(0);
      expect(checks.filter(({ pass }) => !pass)).toEqual([]);
      const allowed = TOLERANCES.find(([pattern]) => pattern.test(name))?.[1];
      for (const { tolerance } of checks) expect(tolerance).toBe(allowed);
    },
  );

  it('agree at the end of sampling as well as at its noisy start', async () => {
    const given = readCase(folders.find((each) => /sampler/.test(each)) as string);
    const expected = given.floats('latents_after_each_step');
    const actual = (await samplerCase.run(engine, given)).get('latents_after_each_step');
    const size = expected.data.length / (expected.dims[0] as number);
    let [scale, error] = [0, 0];
    for (let i = expected.data.length - size; i < expected.data.length; i++) {
      const value = expected.data[i] as number;
      scale = Math.max(scale, Math.abs(value));
      error = Math.max(error, Math.abs(value - (actual?.data[i] ?? Number.NaN)));
    }
    expect(error / scale).toBeLessThan(1e-4);
  });

  it('hold a gradient for every tensor that is trained', async () => {
    const folder = folders.find((each) => /training/.test(each)) as string;
    const checks = await verifyCase(folder, { engine });
    expect(checks.filter(({ tensor }) => tensor.startsWith('grad.')).length).toBeGreaterThan(150);
  });
});
