import { describe, expect, it } from 'vitest';
import type { FeatureSet } from '#planner/evaluation/features/feature-set.js';
import { frechetDistance } from '#planner/evaluation/features/frechet-distance.js';
import { jackknifeInterval } from '#planner/evaluation/features/jackknife.js';
import {
  innerProducts,
  kernelDistance,
  kernelDistanceOf,
} from '#planner/evaluation/features/kernel-distance.js';
import { Random } from '#planner/random.js';

const OPTIONS = { groups: 200, seed: 1 };
type Rows = readonly number[];
const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);
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
function trueHalf(measure: (random: Random) => number, sets = 300): number {
  const values = Array.from({ length: sets }, (_, i) => measure(new Random(100 + i)));
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
      const distance = (kept: Rows): number => frechetDistance(a, b, { kept });
      const options = { ...OPTIONS, rowsPerSample: rows };
      const interval = await jackknifeInterval(value, a.count, distance, options);
      expect(half(interval) / known).toBeGreaterThan(0.75);
      expect(half(interval) / known).toBeLessThan(1.33);
    }
  });

  it('is as wide as the distance truly spreads where clips are like their truth and fewer than the features', async () => {
    // A bootstrap, which has clips twice, says 1.5 times as much of FVD, and 4.5 and 4.9 times of the kernels.
    const [count, width] = [40, 60];
    const sets = (random: Random): [FeatureSet, FeatureSet] => {
      const truth = drawnSet(random, { count, width });
      const noise = drawnSet(random, { count, width, scale: 0.6, shift: 0.1 });
      const made = truth.values.map((value, i) => 0.8 * value + (noise.values[i] as number));
      return [truth, { count, width, values: Float64Array.from(made) }];
    };
    for (const [name, distance] of [
      ['fvd', (a, b, kept) => frechetDistance(a, b, kept && { kept })],
      ['kvd', (a, b, kept) => kernelDistance(a, b, kept && { kept })],
      ['kvd_seer', (a, b, kept) => kernelDistance(a, b, { centred: true, ...(kept && { kept }) })],
    ] as [string, (a: FeatureSet, b: FeatureSet, kept?: Rows) => number][]) {
      const known = trueHalf((random) => distance(...sets(random)), 100);
      for (const groups of [200, 13]) {
        const halves: number[] = [];
        for (const seed of SEEDS) {
          const [a, b] = sets(new Random(seed));
          const without = (kept: Rows): number => distance(a, b, kept);
          halves.push(half(await jackknifeInterval(distance(a, b), count, without, { groups, seed })));
        }
        const ratio = halves.reduce((a, b) => a + b) / SEEDS.length / known;
        expect(ratio, `${name}, ${groups}`).toBeGreaterThan(0.7);
        expect(ratio, `${name}, ${groups}`).toBeLessThan(1.6);
      }
    }
  });

  it('is that of a mean, worked out by hand, also in groups that differ in size', async () => {
    const values = [3, 1, 4, 1, 5];
    const mean = (kept: Rows): number =>
      kept.reduce((sum, row) => sum + (values[row] as number), 0) / kept.length;
    // The standard error: squares 0.04, 3.24, 1.44, 3.24, 4.84 about 2.8, over 5 * 4.
    const interval = await jackknifeInterval(2.8, 5, mean, OPTIONS);
    expect(half(interval)).toBeCloseTo(1.959964 * Math.sqrt(12.8 / 20), 5);
    // Whatever the groups, a bias of 1 / n is no spread.
    const biased = (kept: Rows): number => 7 + 100 / kept.length;
    const [low = 0, high = 0] = (await jackknifeInterval(27, 5, biased, { groups: 3, seed: 1 })) ?? [];
    expect([low, high]).toEqual([expect.closeTo(27, 9), expect.closeTo(27, 9)]);
  });

  it('of kernels, with each set centred or not, is as wide as they truly spread', async () => {
    const [count, width] = [80, 3];
    const sets = (random: Random) =>
      [drawnSet(random, { count, width }), drawnSet(random, { count, width, shift: 0.7, scale: 2 })] as const;
    for (const centred of [false, true]) {
      // 7.3 with each set centred, 29 otherwise.
      const known = trueHalf((random) => kernelDistance(...sets(random), { centred }));
      const halves: number[] = [];
      for (const seed of SEEDS) {
        const products = innerProducts(...sets(new Random(seed)));
        const distance = (kept: Rows) => kernelDistanceOf(products, { centred, kept });
        halves.push(half(await jackknifeInterval(1, count, distance, OPTIONS)));
      }
      const ratio = halves.reduce((a, b) => a + b) / SEEDS.length / known;
      expect(ratio, `centred ${centred}`).toBeGreaterThan(0.7);
      expect(ratio, `centred ${centred}`).toBeLessThan(1.2);
    }
  });

  it('leaves a clip and its truth out together', async () => {
    // Each row of b is its row of a and 1: whichever are left out, the distance is 1.
    const a = drawnSet(new Random(3), { count: 50 });
    const b = { ...a, values: Float64Array.from(a.values, (value) => value + 1) };
    const interval = await jackknifeInterval(1, 50, (kept) => frechetDistance(a, b, { kept }), OPTIONS);
    expect(interval).toEqual([expect.closeTo(1, 9), expect.closeTo(1, 9)]);
  });

  it('follows from its seed, and is none with fewer than two groups or too few clips', async () => {
    const a = drawnSet(new Random(3), { count: 20, width: 2 });
    const b = drawnSet(new Random(4), { count: 20, width: 2 });
    const interval = (seed: number, groups = 7) =>
      jackknifeInterval(0, 20, (kept) => frechetDistance(a, b, { kept }), { groups, seed });
    expect(await interval(1)).toEqual(await interval(1));
    expect(await interval(1)).not.toEqual(await interval(2));
    expect(await interval(1, 0)).toBeUndefined();
    expect(await jackknifeInterval(0, 2, () => Number.NaN, OPTIONS)).toBeUndefined();
  });

  it('tells how far it is, and stops when it is aborted', async () => {
    const told: number[] = [];
    const controller = new AbortController();
    const running = jackknifeInterval(0, 4, () => 0, {
      ...OPTIONS,
      abortSignal: controller.signal,
      onGroup: (done) => {
        told.push(done);
        if (done === 3) controller.abort();
      },
    });
    await expect(running).rejects.toMatchObject({ code: 'aborted' });
    expect(told).toEqual([1, 2, 3]);
  });
});
