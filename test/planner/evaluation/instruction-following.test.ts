import { describe, expect, it } from 'vitest';
import { outcomeDistances, verdictOn } from '#planner/evaluation/instruction-following.js';
import { colour, grey } from './fakes.js';

describe('the verdict', () => {
  it('follows only what is strictly nearest', () => {
    expect(verdictOn([4, 1, 9], 1)).toEqual({ followed: true, rank: 1, margin: (4 - 1) / 5 });
    expect(verdictOn([4, 1, 9], 0)).toEqual({ followed: false, rank: 2, margin: (1 - 4) / 5 });
    expect(verdictOn([4, 1, 9], 2)).toEqual({ followed: false, rank: 3, margin: (1 - 9) / 10 });
  });

  it('counts a draw as not followed, of distance 0 too', () => {
    expect(verdictOn([3, 3], 0)).toEqual({ followed: false, rank: 2, margin: 0 });
    expect(verdictOn([0, 0], 0)).toEqual({ followed: false, rank: 2, margin: 0 });
    expect(verdictOn([0, 5], 0)).toEqual({ followed: true, rank: 1, margin: 1 });
  });

  it('refuses a scene of one command, and a command that is not there', () => {
    expect(() => verdictOn([3], 0)).toThrow('at least 2 commands');
    expect(() => verdictOn([3, 4], 2)).toThrow('with 2 among them');
  });
});

it('measures pixels, and colours without their brightness', () => {
  const { pixels, colours } = outcomeDistances(grey(10), [grey(40), colour(16, 10, 4)]);
  expect(pixels).toEqual([900, (36 + 0 + 36) / 3]);
  expect(colours).toEqual([0, (36 + 0 + 36) / 3]);
});
