/** How far a distance between two sets may move when other samples of the same size are drawn. */
import { Random } from '../../random.js';
import type { Interval } from '../intervals.js';
import { type FeatureSet, frechetDistance } from '../video-distance.js';

export interface BootstrapOptions {
  readonly resamples: number;
  readonly seed: number;
}

/** Draws rows with replacement; pairs stay together where the sets are paired. */
function draws(a: number, b: number, paired: boolean, random: Random): [number[], number[]] {
  const draw = (count: number): number[] => Array.from({ length: count }, () => random.below(count));
  const first = draw(a);
  return [first, paired && a === b ? first : draw(b)];
}

/**
 * A set with rows drawn twice is further from anything than one without: the resampled values are all too high. What
 * they tell is how far they spread, so their 95 % interval is laid around the value itself.
 */
function around(value: number, resampled: readonly number[]): Interval | undefined {
  if (resampled.length < 2) return undefined;
  const sorted = resampled.toSorted((x, y) => x - y);
  const mean = sorted.reduce((sum, each) => sum + each, 0) / sorted.length;
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number;
  return [value + at(0.025) - mean, value + at(0.975) - mean];
}

export function frechetInterval(
  value: number,
  a: FeatureSet,
  b: FeatureSet,
  covariance: 'unbiased' | 'biased',
  { resamples, seed }: BootstrapOptions,
): Interval | undefined {
  const random = new Random(seed);
  const values = Array.from({ length: resamples }, () => {
    const [rowsA, rowsB] = draws(a.count, b.count, true, random);
    return frechetDistance(rowsOf(a, rowsA), rowsOf(b, rowsB), covariance);
  });
  return around(value, values);
}

function rowsOf({ count, width, values }: FeatureSet, rows: readonly number[]): FeatureSet {
  const drawn = new Float64Array(count * width);
  rows.forEach((row, index) => {
    drawn.set(values.subarray(row * width, (row + 1) * width), index * width);
  });
  return { count, width, values: drawn };
}

/** Of an unbiased squared maximum mean discrepancy with the kernel (x.y / width + 1)^3. */
export function kernelInterval(
  value: number,
  a: FeatureSet,
  b: FeatureSet,
  { resamples, seed }: BootstrapOptions,
): Interval | undefined {
  const [aa, bb, ab] = [kernel(a, a), kernel(b, b), kernel(a, b)];
  const random = new Random(seed);
  const values = Array.from({ length: resamples }, () => {
    const [rowsA, rowsB] = draws(a.count, b.count, true, random);
    const [countsA, countsB] = [countsOf(rowsA, a.count), countsOf(rowsB, b.count)];
    const within = (matrix: Float64Array, counts: Float64Array): number =>
      (quadratic(matrix, counts, counts) - diagonal(matrix, counts)) / (counts.length * (counts.length - 1));
    return (
      within(aa, countsA) + within(bb, countsB) - (2 * quadratic(ab, countsA, countsB)) / (a.count * b.count)
    );
  });
  return around(value, values);
}

function kernel(a: FeatureSet, b: FeatureSet): Float64Array {
  const { width } = a;
  const matrix = new Float64Array(a.count * b.count);
  for (let i = 0; i < a.count; i++) {
    for (let j = 0; j < b.count; j++) {
      let dot = 0;
      for (let k = 0; k < width; k++)
        dot += (a.values[i * width + k] as number) * (b.values[j * width + k] as number);
      matrix[i * b.count + j] = (dot / width + 1) ** 3;
    }
  }
  return matrix;
}

function countsOf(rows: readonly number[], count: number): Float64Array {
  const counts = new Float64Array(count);
  for (const row of rows) counts[row] = (counts[row] as number) + 1;
  return counts;
}

/** Sum of x_i m_ij y_j. */
function quadratic(matrix: Float64Array, x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) {
    if (x[i] === 0) continue;
    let row = 0;
    for (let j = 0; j < y.length; j++) row += (matrix[i * y.length + j] as number) * (y[j] as number);
    sum += (x[i] as number) * row;
  }
  return sum;
}

function diagonal(matrix: Float64Array, counts: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++)
    sum += (matrix[i * counts.length + i] as number) * (counts[i] as number);
  return sum;
}
