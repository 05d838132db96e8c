import { expect, it } from 'vitest';
import { bootstrapInterval, rateWithInterval, wilsonInterval } from '#planner/evaluation/intervals.js';
import { Random } from '#planner/random.js';

it('bootstraps the interval of a mean: about 1.96 standard errors either way', () => {
  const values = Array.from(new Random(5).normals(400));
  const mean = values.reduce((a, b) => a + b) / 400;
  const [low, high] = bootstrapInterval(values) ?? [0, 0];
  expect(mean - low).toBeGreaterThan(0.08);
  expect(mean - low).toBeLessThan(0.12);
  expect(high - mean).toBeGreaterThan(0.08);
  expect(high - mean).toBeLessThan(0.12);
  expect(bootstrapInterval(values)).toEqual([low, high]);
  expect(bootstrapInterval(values, { seed: 2 })).not.toEqual([low, high]);
});

it('bootstraps values that are all the same, infinite ones too', () => {
  expect(bootstrapInterval([4, 4, 4])).toEqual([4, 4]);
  expect(bootstrapInterval([Infinity, Infinity])).toEqual([Infinity, Infinity]);
  expect(bootstrapInterval([])).toBeUndefined();
});

it("gives a rate Wilson's interval, which is not certain after 100 of 100", () => {
  // The numbers of SciPy's binomtest(8, 10).proportion_ci(method='wilson').
  const [low, high] = wilsonInterval(8, 10) ?? [0, 0];
  expect(low).toBeCloseTo(0.4901624715, 8);
  expect(high).toBeCloseTo(0.9433178485, 8);
  const [certain] = wilsonInterval(100, 100) ?? [0];
  expect(certain).toBeCloseTo(0.9630065, 6);
  expect(wilsonInterval(0, 0)).toBeUndefined();
});

it('takes scenes as trials also where some of the clips of one succeeded', () => {
  expect(rateWithInterval([1, 0.5, 0.5, 0])).toEqual({ mean: 0.5, interval: wilsonInterval(2, 4) });
  expect(rateWithInterval([])).toEqual({ mean: Number.NaN, interval: [Number.NaN, Number.NaN] });
});
