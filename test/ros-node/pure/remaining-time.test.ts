import { expect, it } from 'vitest';
import { remainingTime } from '#ros-node/remaining-time.js';

const step = { clip: 0, clips: 1, step: 4, steps: 10, remainingMs: undefined };

it.each([
  ['the planner knows', { ...step, remainingMs: 700 }, 400, 700],
  ['decoding is left after the last step', { ...step, step: 10, remainingMs: 80 }, 1000, 80],
  ['nothing was measured yet: by the steps', step, 400, 600],
  [
    'more clips are to come, as long as this one',
    { ...step, clips: 3, remainingMs: 600 },
    400,
    600 + 2 * 1000,
  ],
  ['one clip is done', { ...step, clip: 1, clips: 3, remainingMs: 600 }, 1400, 600 + 1000],
])('%s', (_, at, workedMs, expected) => {
  expect(remainingTime(at, workedMs)).toBe(expected);
});
