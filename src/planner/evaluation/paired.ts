/** Whether two models differ on the same scenes: what a scene does to both is no difference between them. */
import { mean } from '../mean.js';
import { bootstrapMeans, type Interval, middleOf } from './intervals.js';

const RESAMPLES = 10_000;

export interface PairedDifference {
  readonly mean: number;
  /** 95 %. */
  readonly interval: Interval;
  /** Of no difference, two-sided: how seldom a resampled mean lies on the other side of zero. */
  readonly p: number;
}

/** `differences`: one a scene, at least one; scenes are drawn anew. */
export function pairedBootstrap(differences: readonly number[]): PairedDifference {
  const means = bootstrapMeans(differences, { resamples: RESAMPLES });
  const beyond = Math.min(means.filter((each) => each <= 0).length, means.filter((each) => each >= 0).length);
  return {
    mean: mean(differences),
    interval: middleOf(means),
    p: Math.min(1, (2 * (beyond + 1)) / (RESAMPLES + 1)),
  };
}

/**
 * McNemar's exact test, two-sided, of two yes-or-no outcomes in the same scenes. Takes the scenes in which just
 * the first, and just the second, said yes: with no difference either is as likely as the other.
 */
export function mcnemar([first, second]: readonly [number, number]): number {
  const count = first + second;
  // P(X = k), X binomial with `count` trials of 1/2, from its logarithm: 2^-1000 and less are no doubles.
  let log = -count * Math.LN2;
  let tail = 0;
  for (let k = 0; k <= Math.min(first, second); k++) {
    tail += Math.exp(log);
    log += Math.log((count - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}

/** Holm's adjusted p of tests that are made together: below 0.05, wrong in one family of twenty at most. */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p);
  const adjusted: number[] = [];
  let highest = 0;
  for (const [rank, { p, index }] of order.entries()) {
    highest = Math.max(highest, Math.min(1, (ps.length - rank) * p));
    adjusted[index] = highest;
  }
  return adjusted;
}
