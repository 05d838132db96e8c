import { expect, it } from 'vitest';
import { extent } from '#planner/extent.js';

it('tells the least and the greatest of as many values as a large data set has episodes', () => {
  const values = Array.from({ length: 200_000 }, (_, index) => ((index * 7919) % 200_000) - 3);
  expect(extent(values)).toEqual([-3, 199_996]);
  expect(extent(new Set([2.5]))).toEqual([2.5, 2.5]);
});
