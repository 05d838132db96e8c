import { expect, it } from 'vitest';
import { NO_MEASURES, withMeasures } from '#planner/training/measures.js';

it('is the mean of all steps at first, then of about the last hundred', () => {
  let measures = NO_MEASURES;
  for (const power of [1, 2, 6]) measures = withMeasures(measures, { power });
  expect(measures.means.power).toBeCloseTo(3, 12);
  for (let step = 0; step < 1000; step++) measures = withMeasures(measures, { power: step % 2 });
  expect(measures.count).toBe(1003);
  expect(measures.means.power).toBeCloseTo(0.5, 2);
  for (let step = 0; step < 500; step++) measures = withMeasures(measures, { power: 7 });
  expect(measures.means.power).toBeCloseTo(7, 1);
});
