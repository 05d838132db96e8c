/** How far a distance between two sets may move when other clips are drawn, as many of them. */
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../../errors.js';
import { mean } from '../../mean.js';
import { Random } from '../../random.js';
import { type Interval, Z_95 } from '../intervals.js';
import type { Drawn } from './feature-set.js';

export interface BootstrapOptions {
  readonly resamples: number;
  readonly seed: number;
  /** Rows of one sample, which are drawn together, such as the frames of a clip; 1 unless said otherwise. */
  readonly rowsPerSample?: number;
  readonly onResample?: ((done: number, total: number) => void) | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

/**
 * 95 % interval of a distance between two sets of `count` rows, row i of one made for row i of the other: both are
 * drawn together. `distance` works it out for rows that count as often as they were drawn.
 *
 * A set with rows drawn twice is further from anything than one without: the resampled values are all too high. What
 * they tell is how far they spread, so the interval is 1.96 of their standard deviations around the value itself.
 * Gives way to other work after every resample. Undefined with fewer than two resamples. Errors: `aborted`.
 */
export async function bootstrapAround(
  value: number,
  count: number,
  distance: (drawn: Drawn) => number,
  { resamples, seed, rowsPerSample = 1, onResample, abortSignal }: BootstrapOptions,
): Promise<Interval | undefined> {
  if (resamples < 2) return undefined;
  const random = new Random(seed);
  const samples = count / rowsPerSample;
  const values: number[] = [];
  for (let done = 1; done <= resamples; done++) {
    const drawn = new Float64Array(count);
    for (let i = 0; i < samples; i++) {
      const first = random.below(samples) * rowsPerSample;
      for (let row = first; row < first + rowsPerSample; row++) drawn[row] = (drawn[row] as number) + 1;
    }
    values.push(distance(drawn));
    onResample?.(done, resamples);
    await setImmediate();
    throwIfAborted(abortSignal);
  }
  const centre = mean(values);
  const variance = values.reduce((sum, each) => sum + (each - centre) ** 2, 0) / (resamples - 1);
  const half = Z_95 * Math.sqrt(variance);
  return [value - half, value + half];
}
