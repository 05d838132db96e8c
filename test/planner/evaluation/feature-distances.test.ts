import { describe, expect, it } from 'vitest';
import type { FeatureSet } from '#planner/evaluation/features/feature-set.js';
import { frechetDistance } from '#planner/evaluation/features/frechet-distance.js';
import { kernelDistance } from '#planner/evaluation/features/kernel-distance.js';
import { nuclearNorm } from '#planner/evaluation/features/nuclear-norm.js';
import { Random } from '#planner/random.js';

/** Normal features whose sample mean and covariance are what they are. */
function features(seed: number, count: number, width: number, scale = 1, shift = 0): FeatureSet {
  const values = Float64Array.from(new Random(seed).normals(count * width), (value) => scale * value + shift);
  return { count, width, values };
}

const mapped = (set: FeatureSet, f: (value: number) => number): FeatureSet => ({
  ...set,
  values: Float64Array.from(set.values, f),
});

describe('nuclearNorm', () => {
  it('is the sum of the singular values, whichever side is longer', () => {
    // The rows are orthogonal: the singular values are their lengths.
    const matrix = Float64Array.of(3, 4, 0, 0, 0, 2);
    expect(nuclearNorm(matrix, 2, 3)).toBeCloseTo(7, 12);
    expect(nuclearNorm(Float64Array.of(3, 0, 4, 0, 0, 2), 3, 2)).toBeCloseTo(7, 12);
  });

  it('takes matrices of any rank', () => {
    expect(nuclearNorm(new Float64Array(6), 2, 3)).toBe(0);
    expect(nuclearNorm(Float64Array.of(1, 1, 1, 1), 2, 2)).toBeCloseTo(2, 12);
  });
});

const rowsOf = ({ width, values }: FeatureSet, rows: readonly number[]): FeatureSet => ({
  count: rows.length,
  width,
  values: Float64Array.from(rows.flatMap((row) => [...values.slice(row * width, (row + 1) * width)])),
});

describe('frechetDistance', () => {
  const a = features(1, 200, 5);

  it('is 0 for a set and itself', () => {
    expect(frechetDistance(a, a)).toBeCloseTo(0, 9);
  });

  it('is the squared length of a shift', () => {
    const shifted = mapped(a, (value) => value + 3);
    expect(frechetDistance(a, shifted)).toBeCloseTo(5 * 9, 8);
  });

  it('is (s - 1)^2 tr C for a set scaled about its mean', () => {
    const x = a;
    const mean = (set: FeatureSet, column: number): number => {
      let sum = 0;
      for (let i = column; i < set.values.length; i += set.width) sum += set.values[i] as number;
      return sum / set.count;
    };
    const means = [0, 1, 2, 3, 4].map((column) => mean(x, column));
    const scaled: FeatureSet = {
      ...x,
      values: Float64Array.from(x.values, (value, i) => {
        const m = means[i % 5] as number;
        return m + 2 * (value - m);
      }),
    };
    let trace = 0;
    x.values.forEach((value, i) => {
      trace += (value - (means[i % 5] as number)) ** 2 / 199;
    });
    expect(frechetDistance(x, scaled)).toBeCloseTo(trace, 8);
  });

  it('does not care for the order of the two, and takes fewer clips than features', () => {
    const [few, other] = [features(2, 8, 20), features(3, 6, 20, 2, 1)];
    expect(frechetDistance(few, other)).toBeCloseTo(frechetDistance(other, few), 5);
    expect(frechetDistance(few, other)).toBeGreaterThan(0);
  });

  it('is the same by rows and by covariances, also where features follow from others', () => {
    // 8 rows of 9 features; twice each, they are more than the features, and a biased covariance stays what it is.
    const [few, other] = [features(2, 8, 9), features(3, 8, 9, 2, 1)];
    const twice = (set: FeatureSet): FeatureSet => ({
      ...set,
      count: 2 * set.count,
      values: Float64Array.of(...set.values, ...set.values),
    });
    const biased = frechetDistance(few, other, { covariance: 'biased' });
    expect(frechetDistance(twice(few), twice(other), { covariance: 'biased' })).toBeCloseTo(biased, 6);
    expect(frechetDistance(twice(few), twice(other))).not.toBeCloseTo(frechetDistance(few, other), 2);
  });

  it('of some of the rows is that of sets of these alone', () => {
    const kept = [0, 2, 3, 5, 6, 7];
    const [few, other] = [features(2, 8, 4), features(3, 8, 4, 2, 1)];
    expect(frechetDistance(few, other, { kept })).toBeCloseTo(
      frechetDistance(rowsOf(few, kept), rowsOf(other, kept)),
      9,
    );
  });

  it('refuses numbers that are not finite', () => {
    const broken = mapped(a, (value) => (value > 2 ? Number.NaN : value));
    expect(() => frechetDistance(a, broken)).toThrow('expected finite numbers, got NaN');
  });

  it('refuses one clip, and sets of different widths', () => {
    expect(() => frechetDistance(a, features(1, 1, 5))).toThrow(/at least 2 rows of 5 numbers, got 1 rows/);
    expect(() => kernelDistance(a, features(1, 9, 4))).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });
});

describe('kernelDistance', () => {
  it('is the unbiased mean over pairs, worked out by hand', () => {
    const a: FeatureSet = { count: 2, width: 1, values: Float64Array.of(0, 1) };
    const b: FeatureSet = { count: 2, width: 1, values: Float64Array.of(2, 3) };
    // k(0,1) = 1, k(2,3) = 343; k(0,2) = k(0,3) = 1, k(1,2) = 27, k(1,3) = 64.
    expect(kernelDistance(a, b)).toBeCloseTo(1 + 343 - (2 * (1 + 1 + 27 + 64)) / 4, 12);
  });

  it('is about 0 for sets of one distribution and grows with a shift', () => {
    const [a, b] = [features(5, 400, 4), features(6, 400, 4)];
    expect(Math.abs(kernelDistance(a, b))).toBeLessThan(0.05);
    expect(
      kernelDistance(
        a,
        mapped(b, (value) => value + 1),
      ),
    ).toBeGreaterThan(0.5);
  });

  it('of some of the rows is that of sets of these alone, each set centred or not', () => {
    const kept = [0, 2, 3, 5];
    const [a, b] = [features(5, 6, 4), features(6, 9, 4)];
    for (const centred of [false, true])
      expect(kernelDistance(a, b, { centred, kept })).toBeCloseTo(
        kernelDistance(rowsOf(a, kept), rowsOf(b, kept), { centred }),
        9,
      );
  });

  it('sees no shift when each set is centred, which is what Seer reports', () => {
    const [a, b] = [features(5, 60, 4), features(6, 50, 4)];
    const shifted = mapped(b, (value) => value + 10);
    const centred = { centred: true };
    expect(kernelDistance(a, shifted, centred)).toBeCloseTo(kernelDistance(a, b, centred), 8);
  });
});
