import { expect, it } from 'vitest';
import { Pace } from '#planner/training/pace.js';

it('is a mean over the recent steps: one slow step does not change the time left much', () => {
  const pace = new Pace(0);
  let now = 0;
  const step = (ms: number): void => {
    now += ms;
    pace.stepEnded(now);
  };
  for (let i = 0; i < 40; i++) step(100);
  expect(pace.secondsPerStep).toBeCloseTo(0.1, 9);
  step(1100);
  expect(pace.secondsPerStep).toBeCloseTo((40 * 0.1 + 1.1) / 41, 9);
  for (let i = 0; i < 100; i++) step(200);
  expect(pace.secondsPerStep).toBeCloseTo(0.2, 9);
});

it('is the first step alone after the first', () => {
  const pace = new Pace(1000);
  expect(pace.secondsPerStep).toBe(0);
  pace.stepEnded(1250);
  expect(pace.secondsPerStep).toBe(0.25);
});
