import { describe, expect, it } from 'vitest';
import { Random } from '#planner/random.js';

const words = (...seeds: number[]): number[] => {
  const random = new Random(...seeds);
  return Array.from({ length: 4 }, () => random.word());
};

describe('Random', () => {
  it('gives the same numbers everywhere', () => {
    // From another implementation of xoshiro128** with the same seeding, in Python.
    expect(words()).toEqual([1228717301, 4219535696, 3143937955, 183968424]);
    expect(words(42)).toEqual([330651417, 1339511161, 2284813280, 2182613039]);
    expect(words(42, 7)).toEqual([2152166525, 2205388167, 3309994961, 319681950]);
    expect(words(2 ** 40 + 5)).toEqual([4051461920, 1476933721, 2163054993, 2438031959]);
  });

  it('has a stream for every list of seeds', () => {
    const first = [words(1), words(2), words(1, 0), words(0, 1), words(1, 2), words(2, 1)].map(
      ([word]) => word,
    );
    expect(new Set(first).size).toBe(first.length);
  });

  it('is uniform in [0, 1)', () => {
    const random = new Random(3);
    const count = 100_000;
    const bins = new Array<number>(20).fill(0);
    for (let i = 0; i < count; i++) {
      const value = random.uniform();
      expect(value >= 0 && value < 1).toBe(true);
      const bin = Math.floor(value * bins.length);
      bins[bin] = (bins[bin] as number) + 1;
    }
    const expected = count / bins.length;
    const chiSquared = bins.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    // 19 degrees of freedom: above 43.8 once in a thousand.
    expect(chiSquared).toBeLessThan(43.8);
  });

  it('has normal numbers of mean 0, variance 1, no skew, kurtosis 3, and no correlation', () => {
    const count = 200_000;
    const values = new Random(4).normals(count);
    const moment = (power: number): number => values.reduce((sum, value) => sum + value ** power, 0) / count;
    expect(Math.abs(moment(1))).toBeLessThan(0.01);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.02);
    expect(Math.abs(moment(3))).toBeLessThan(0.03);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.08);
    let neighbours = 0;
    for (let i = 1; i < count; i++) neighbours += (values[i] as number) * (values[i - 1] as number);
    expect(Math.abs(neighbours / count)).toBeLessThan(0.01);
  });

  it('draws whole numbers below a count', () => {
    const random = new Random(5);
    const seen = new Set(Array.from({ length: 200 }, () => random.below(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});
