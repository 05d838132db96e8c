/** How far a distance between two sets may move when other clips are taken, as many of them. */
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../../errors.js';
import { Random } from '../../random.js';
import { type Interval, Z_95 } from '../intervals.js';
import type { Rows } from './feature-set.js';

export interface JackknifeOptions {
  /** Samples are left out one at a time, or where there are more of them than this, in as many groups. */
  readonly groups: number;
  /** Draws the groups. */
  readonly seed: number;
  /** Rows of one sample, which are left out together, such as the frames of a clip; 1 unless said otherwise. */
  readonly rowsPerSample?: number;
  readonly onGroup?: ((done: number, total: number) => void) | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

/**
 * 95 % interval of a distance between two sets of `count` rows, row i of one made for row i of the other: both are
 * left out together. `distance` works it out for the rows that are kept.
 *
 * The interval is 1.96 standard deviations around the value itself, by the delete-m_j jackknife of Busing, Meijer and
 * van der Leeden (1999), which for groups of one sample is the common jackknife: a bias that falls with the number of
 * samples does not count as spread, also where groups differ in size. Gives way to other work after every group.
 * Undefined with fewer than two groups or where fewer than two samples would be kept. Errors: `aborted`.
 */
export async function jackknifeInterval(
  value: number,
  count: number,
  distance: (kept: Rows) => number,
  { groups, seed, rowsPerSample = 1, onGroup, abortSignal }: JackknifeOptions,
): Promise<Interval | undefined> {
  const samples = count / rowsPerSample;
  const total = Math.min(groups, samples);
  if (total < 2 || samples - Math.ceil(samples / total) < 2) return undefined;
  const groupOf = groupsOf(samples, total, seed);
  const without: number[] = [];
  const sizes = new Float64Array(total);
  for (const group of groupOf) sizes[group] = (sizes[group] as number) + 1;
  for (let left = 0; left < total; left++) {
    const kept = Array.from({ length: count }, (_, row) => row).filter(
      (row) => groupOf[Math.floor(row / rowsPerSample)] !== left,
    );
    without.push(distance(kept));
    onGroup?.(left + 1, total);
    await setImmediate();
    throwIfAborted(abortSignal);
  }
  const half = Z_95 * Math.sqrt(variance(value, without, sizes, samples));
  return [value - half, value + half];
}

/** `without` each group: theta_(j); of `sizes` m_j. With h_j = n / m_j, of the pseudo-values h theta - (h - 1) theta_(j). */
function variance(theta: number, without: readonly number[], sizes: Float64Array, n: number): number {
  const shares = without.map((_, j) => (sizes[j] as number) / n);
  const theta_J = without.reduce((sum, each, j) => sum + theta - (1 - (shares[j] as number)) * each, 0);
  const squares = without.map((each, j) => {
    const h = 1 / (shares[j] as number);
    return (h * theta - (h - 1) * each - theta_J) ** 2 / (h - 1);
  });
  return squares.reduce((sum, square) => sum + square, 0) / without.length;
}

/** The group of each sample, by lot; sizes differ by one at most. */
function groupsOf(samples: number, groups: number, seed: number): number[] {
  const random = new Random(seed);
  const order = Array.from({ length: samples }, (_, index) => ({ index, key: random.uniform() }));
  const groupOf = new Array<number>(samples).fill(0);
  order
    .toSorted((a, b) => a.key - b.key)
    .forEach(({ index }, place) => {
      groupOf[index] = place % groups;
    });
  return groupOf;
}
