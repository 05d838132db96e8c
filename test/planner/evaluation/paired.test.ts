import { expect, it } from 'vitest';
import { holm, mcnemar, pairedBootstrap } from '#planner/evaluation/paired.js';
import { Random } from '#planner/random.js';

it("tests yes-or-no outcomes by McNemar's exact test", () => {
  // The numbers of SciPy's binomtest(k, n).pvalue.
  expect(mcnemar([10, 2])).toBeCloseTo(0.03857421875, 12);
  expect(mcnemar([2, 10])).toBe(mcnemar([10, 2]));
  expect(mcnemar([0, 5])).toBeCloseTo(0.0625, 12);
  expect(mcnemar([7, 7])).toBe(1);
  expect(mcnemar([0, 0])).toBe(1);
  expect(mcnemar([0, 2000])).toBe(0);
});

it('bootstraps a difference: its sign is certain where scenes agree, and not where they do not', () => {
  const noise = Array.from(new Random(3).normals(100));
  const clear = pairedBootstrap(noise.map((each) => 0.8 + each));
  expect(clear.p).toBeLessThan(0.001);
  expect(clear.interval[0]).toBeGreaterThan(0);
  expect(clear.mean).toBeCloseTo(0.8 + noise.reduce((a, b) => a + b) / 100, 10);
  const none = pairedBootstrap(noise.flatMap((each) => [each, -each]));
  expect(none.p).toBeGreaterThan(0.5);
  expect(none.interval[0]).toBeLessThan(0);
  expect(none.interval[1]).toBeGreaterThan(0);
  expect(pairedBootstrap([0, 0, 0])).toEqual({ mean: 0, interval: [0, 0], p: 1 });
  expect(pairedBootstrap([-1, -1]).p).toBeCloseTo(2 / 10_001, 12);
});

it('has p values below 0.05 of no difference about one time in twenty', () => {
  let found = 0;
  for (let trial = 0; trial < 100; trial++)
    if (pairedBootstrap(Array.from(new Random(9, trial).normals(60))).p < 0.05) found += 1;
  expect(found).toBeGreaterThan(0);
  expect(found).toBeLessThan(13);
});

it("adjusts p values by Holm's steps", () => {
  // The numbers of statsmodels' multipletests(method='holm').
  const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
  [0.03, 0.06, 0.06, 0.02].forEach((p, index) => {
    expect(adjusted[index]).toBeCloseTo(p, 12);
  });
  expect(holm([0.6, 0.7])).toEqual([1, 1]);
  expect(holm([])).toEqual([]);
});
