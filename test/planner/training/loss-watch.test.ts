import { describe, expect, it } from 'vitest';
import { Random } from '#planner/random.js';
import { hasExploded, type LossHistory, NO_LOSSES, withLoss } from '#planner/training/loss-watch.js';

function history(losses: Iterable<number>, start: LossHistory = NO_LOSSES): LossHistory {
  let known = start;
  for (const loss of losses) known = withLoss(known, loss);
  return known;
}

describe('the watch on losses', () => {
  it('sees a loss that stays many times as large as it began', () => {
    const good = history(Array(60).fill(0.5));
    expect(hasExploded(good)).toBe(false);
    expect(hasExploded(history(Array(60).fill(40), good))).toBe(true);
  });

  it('is not alarmed by noise, nor by a single peak, nor by a loss that rises back to where it began', () => {
    const random = new Random(1);
    const noisy = Array.from({ length: 500 }, () => Math.exp(random.normal()));
    let known = NO_LOSSES;
    for (const loss of noisy) {
      known = withLoss(known, loss);
      expect(hasExploded(known)).toBe(false);
    }
    expect(hasExploded(history([60], history(Array(60).fill(1))))).toBe(false);
    expect(
      hasExploded(history([...Array(60).fill(0.01), ...Array(60).fill(1)], history(Array(20).fill(1)))),
    ).toBe(false);
  });

  it('says nothing before it has seen enough', () => {
    expect(hasExploded(history([...Array(20).fill(1), ...Array(15).fill(1000)]))).toBe(false);
  });
});
