import { describe, expect, it } from 'vitest';
import { learningRateAt, learningRateConfig } from '#planner/training/learning-rate.js';

const STEPS = 1000;
const config = (changes: object = {}) =>
  learningRateConfig.parse({ peak: 0.01, warmupSteps: 100, decay: 'cosine', floor: 0.1, ...changes });
const rates = (changes: object = {}): number[] =>
  Array.from({ length: STEPS }, (_, i) => learningRateAt(i + 1, STEPS, config(changes)));

describe.each(['cosine', 'linear', 'none'] as const)('the %s learning rate', (decay) => {
  it('grows in a line from its first step to the peak', () => {
    const all = rates({ decay });
    expect(all[0]).toBeCloseTo(0.0001, 12);
    expect(all[49]).toBeCloseTo(0.005, 12);
    expect(all[99]).toBe(0.01);
  });

  it('has no jump, not at the joint either, and never grows again', () => {
    const all = rates({ decay });
    for (let i = 1; i < all.length; i++) {
      const change = (all[i] as number) - (all[i - 1] as number);
      expect(Math.abs(change)).toBeLessThanOrEqual(0.0001 + 1e-12);
      if (i >= 100) expect(change).toBeLessThanOrEqual(0);
    }
  });

  it('ends at its floor', () => {
    expect(rates({ decay }).at(-1)).toBeCloseTo(decay === 'none' ? 0.01 : 0.001, 12);
    expect(learningRateAt(STEPS + 50, STEPS, config({ decay }))).toBeCloseTo(
      decay === 'none' ? 0.01 : 0.001,
      12,
    );
  });

  it('starts at the peak without warm-up', () => {
    const [first = 0] = rates({ decay, warmupSteps: 0 });
    expect(first).toBeGreaterThan(0.0099);
    expect(first).toBeLessThanOrEqual(0.01);
  });
});

it('is half way between peak and floor in the middle of its decay', () => {
  for (const decay of ['cosine', 'linear'])
    expect(learningRateAt(550, STEPS, config({ decay }))).toBeCloseTo((0.01 + 0.001) / 2, 12);
});

it('a cosine falls slower than a line at first, faster later', () => {
  const [cosine, line] = [config(), config({ decay: 'linear' })];
  expect(learningRateAt(200, STEPS, cosine)).toBeGreaterThan(learningRateAt(200, STEPS, line));
  expect(learningRateAt(900, STEPS, cosine)).toBeLessThan(learningRateAt(900, STEPS, line));
});

it('only warms up when the warm-up is longer than the run', () => {
  expect(learningRateAt(50, 50, config())).toBeCloseTo(0.005, 12);
});
