import { describe, expect, it } from 'vitest';
import { symmetricEigen } from '#planner/evaluation/symmetric-eigen.js';
import {
  centeredKernelDistance,
  type FeatureSet,
  frechetDistance,
  kernelDistance,
} from '#planner/evaluation/video-distance.js';
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

describe('symmetricEigen', () => {
  it('diagonalises a matrix with known values', () => {
    const { values } = symmetricEigen(Float64Array.of(2, 1, 0, 1, 2, 0, 0, 0, 5), 3);
    expect([...values].sort()).toEqual([1, 3, 5].map((value) => expect.closeTo(value, 12)));
  });

  it('gives V diag(w) V^T back, V orthogonal, also where values repeat', () => {
    const n = 24;
    const random = new Random(1);
    const half = random.normals(n * 6);
    // Rank 6: 18 values are 0.
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let k = 0; k < 6; k++)
          matrix[i * n + j] =
            (matrix[i * n + j] as number) + (half[i * 6 + k] as number) * (half[j * 6 + k] as number);
    const { values, vectors } = symmetricEigen(matrix, n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let [rebuilt, product] = [0, 0];
        for (let k = 0; k < n; k++) {
          rebuilt += (vectors[i * n + k] as number) * (values[k] as number) * (vectors[j * n + k] as number);
          product += (vectors[k * n + i] as number) * (vectors[k * n + j] as number);
        }
        expect(rebuilt).toBeCloseTo(matrix[i * n + j] as number, 10);
        expect(product).toBeCloseTo(i === j ? 1 : 0, 10);
      }
    }
    expect([...values].filter((value) => Math.abs(value) < 1e-10)).toHaveLength(18);
  });
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

  it('sees no shift when each set is centred, which is what Seer reports', () => {
    const [a, b] = [features(5, 60, 4), features(6, 50, 4)];
    const shifted = mapped(b, (value) => value + 10);
    expect(centeredKernelDistance(a, shifted)).toBeCloseTo(centeredKernelDistance(a, b), 8);
  });
});
