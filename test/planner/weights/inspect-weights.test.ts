import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { inspectWeights } from '#planner/weights/inspect-weights.js';
import { readSafetensorsHeader, writeSafetensors } from '#planner/weights/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'aid-inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file whose tensors `t0`, `t1` and so on hold these numbers. */
async function file(name: string, values: readonly number[], as: 'F16' | 'F32' = 'F32') {
  const path = join(folder, name);
  const tensors = values.map(
    (value, i) => [`t${i}`, { shape: [3], data: Float32Array.of(1, value, 2), as }] as const,
  );
  await writeSafetensors(path, new Map(tensors));
  return { path, tensors: readSafetensorsHeader(path) };
}

describe('inspectWeights', () => {
  it('gives the same hash for the same tensors, in whatever order they lie', async () => {
    const { tensors } = await file('some', [1, 2, 3]);
    const turned = new Map([...tensors].reverse());
    expect(await inspectWeights(turned)).toEqual(await inspectWeights(tensors));
    expect(await inspectWeights((await file('others', [1, 2, 4])).tensors)).not.toEqual(
      await inspectWeights(tensors),
    );
  });

  it.each(['F16', 'F32'] as const)(
    'names every tensor of %s with a number that is not finite',
    async (as) => {
      const { path, tensors } = await file('broken', [Number.NaN, 1, Number.POSITIVE_INFINITY], as);
      await expect(inspectWeights(tensors)).rejects.toMatchObject({
        code: 'invalid-weights',
        message: `${path}: t0 holds a number that is not finite; ${path}: t2 holds a number that is not finite`,
      });
    },
  );

  it('counts where there are too many to name', async () => {
    const { path, tensors } = await file('all', Array(11).fill(Number.NaN));
    await expect(inspectWeights(tensors)).rejects.toMatchObject({
      message: expect.stringMatching(/ and 3 more$/),
      details: [...tensors.keys()].sort().map((key) => `${path}: ${key} holds a number that is not finite`),
    });
  });
});
