import { describe, expect, it } from 'vitest';
import { bootstrapAround } from '#planner/evaluation/features/bootstrap.js';
import type { FeatureSet } from '#planner/evaluation/features/feature-set.js';
import { frechetDistance } from '#planner/evaluation/features/frechet-distance.js';
import {
  innerProducts,
  kernelDistance,
  kernelDistanceOf,
} from '#planner/evaluation/features/kernel-distance.js';
import { Random } from '#planner/random.js';

const OPTIONS = { resamples: 100, seed: 1 };
const half = ([low, high]: readonly [number, number] = [0, 0]): number => (high - low) / 2;

/** `count` samples of `rows` rows each; what a sample's rows have in common is normal, and nearly all there is. */
function drawnSet(
  random: Random,
  { count, rows = 1, width = 1, shift = 0, scale = 1 }: Readonly<Record<string, number>> & { count: number },
): FeatureSet {
  const values: number[] = [];
  for (let sample = 0; sample < count; sample++) {
    const common = Array.from({ length: width }, () => scale * random.normal() + shift);
    for (let row = 0; row < rows; row++)
      for (const each of common) values.push(each + 0.05 * random.normal());
  }
  return { count: count * rows, width, values: Float64Array.from(values) };
}

/** 1.96 standard deviations of what comes out when all the samples are drawn anew. */
function trueHalf(measure: (random: Random) => number): number {
  const values = Array.from({ length: 300 }, (_, i) => measure(new Random(100 + i)));
  const mean = values.reduce((a, b) => a + b) / values.length;
  return 1.96 * Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

describe('the interval of a distance', () => {
  it('is as wide as the distance truly spreads, whatever the number of rows of a sample', async () => {
    // One feature, 3 apart: the distance is about the squared difference of two means of 100 numbers.
    const [count, shift] = [100, 3];
    const known = 1.96 * 2 * shift * Math.sqrt(2 / count);
    for (const rows of [1, 15]) {
      const random = new Random(7);
      const [a, b] = [drawnSet(random, { count, rows }), drawnSet(random, { count, rows, shift })];
      const value = frechetDistance(a, b);
      const distance = (drawn: ArrayLike<number>): number => frechetDistance(a, b, { drawn });
      const options = { ...OPTIONS, rowsPerSample: rows };
      const interval = await bootstrapAround(value, a.count, distance, options);
      expect(half(interval) / known).toBeGreaterThan(0.75);
      expect(half(interval) / known).toBeLessThan(1.33);
    }
  });

  it('of kernels, with each set centred or not, is as wide as they truly spread', async () => {
    const [count, width] = [80, 3];
    const sets = (random: Random) =>
      [drawnSet(random, { count, width }), drawnSet(random, { count, width, shift: 0.7, scale: 2 })] as const;
    for (const centred of [false, true]) {
      // 7.3 with each set centred, 29 otherwise.
      const known = trueHalf((random) => kernelDistance(...sets(random), { centred }));
      const halves: number[] = [];
      for (const seed of [1, 2, 3, 4, 5]) {
        const products = innerProducts(...sets(new Random(seed)));
        const distance = (drawn: ArrayLike<number>) => kernelDistanceOf(products, { centred, drawn });
        halves.push(half(await bootstrapAround(1, count, distance, OPTIONS)));
      }
      const ratio = halves.reduce((a, b) => a + b) / 5 / known;
      expect(ratio, `centred ${centred}`).toBeGreaterThan(0.7);
      expect(ratio, `centred ${centred}`).toBeLessThan(1.2);
    }
  });

  it('draws a clip and its truth together', async () => {
    // Each row of b is its row of a and 1: however they are drawn, the distance is 1.
    const a = drawnSet(new Random(3), { count: 50 });
    const b = { ...a, values: Float64Array.from(a.values, (value) => value + 1) };
    const interval = await bootstrapAround(1, 50, (drawn) => frechetDistance(a, b, { drawn }), OPTIONS);
    expect(interval).toEqual([expect.closeTo(1, 9), expect.closeTo(1, 9)]);
  });

  it('follows from its seed, and is none without resamples', async () => {
    const a = drawnSet(new Random(3), { count: 20, width: 2 });
    const b = drawnSet(new Random(4), { count: 20, width: 2 });
    const interval = (seed: number, resamples = 10) =>
      bootstrapAround(0, 20, (drawn) => frechetDistance(a, b, { drawn }), { resamples, seed });
    expect(await interval(1)).toEqual(await interval(1));
    expect(await interval(1)).not.toEqual(await interval(2));
    expect(await interval(1, 0)).toBeUndefined();
  });

  it('tells how far it is, and stops when it is aborted', async () => {
    const told: number[] = [];
    const controller = new AbortController();
    const running = bootstrapAround(0, 4, () => 0, {
      resamples: 10,
      seed: 1,
      abortSignal: controller.signal,
      onResample: (done) => {
        told.push(done);
        if (done === 3) controller.abort();
      },
    });
    await expect(running).rejects.toMatchObject({ code: 'aborted' });
    expect(told).toEqual([1, 2, 3]);
  });
});
