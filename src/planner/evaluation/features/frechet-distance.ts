/** The Frechet distance of two sets of features: FVD of a clip's, FID of a picture's. In double precision. */
import { checkComparable, everyRow, type FeatureSet, type Rows } from './feature-set.js';
import { nuclearNorm } from './nuclear-norm.js';

/** Divided by count - 1, or by count where it is biased. */
export type CovarianceKind = 'unbiased' | 'biased';

export interface FrechetOptions {
  /** `unbiased` unless said otherwise. */
  readonly covariance?: CovarianceKind;
  /** Rows of both sets that count; all unless said otherwise. */
  readonly kept?: Rows;
}

/**
 * Of normal distributions fitted to the features:
 * |mu_a - mu_b|^2 + tr(C_a + C_b) - 2 tr (C_a^(1/2) C_b C_a^(1/2))^(1/2).
 * With C = F^T F the last trace is the nuclear norm of F_a F_b^T, whose sides are the smaller of rows and features.
 * Errors: `invalid-argument`.
 */
export function frechetDistance(
  a: FeatureSet,
  b: FeatureSet,
  { covariance = 'unbiased', kept }: FrechetOptions = {},
): number {
  checkComparable(a, b);
  const x = fitted(a, covariance, kept ?? everyRow(a));
  const y = fitted(b, covariance, kept ?? everyRow(b));
  let distance = x.trace + y.trace;
  for (let i = 0; i < a.width; i++) distance += ((x.mean[i] as number) - (y.mean[i] as number)) ** 2;
  const product = new Float64Array(x.rows * y.rows);
  for (let i = 0; i < x.rows; i++)
    for (let j = 0; j < y.rows; j++) product[i * y.rows + j] = dot(x.factor, i, y.factor, j, a.width);
  return distance - 2 * nuclearNorm(product, x.rows, y.rows);
}

interface Normal {
  readonly mean: Float64Array;
  /** Of the covariance. */
  readonly trace: number;
  /** F [rows, width]: the covariance is F^T F. */
  readonly factor: Float64Array;
  readonly rows: number;
}

function fitted({ width, values }: FeatureSet, kind: CovarianceKind, kept: Rows): Normal {
  const count = kept.length;
  const mean = new Float64Array(width);
  for (const row of kept)
    for (let i = 0; i < width; i++)
      mean[i] = (mean[i] as number) + (values[row * width + i] as number) / count;
  // Centred rows, weighted so that their products add up to the covariance.
  const weight = Math.sqrt(1 / (kind === 'unbiased' ? count - 1 : count));
  const rows = new Float64Array(count * width);
  let trace = 0;
  kept.forEach((row, index) => {
    for (let i = 0; i < width; i++) {
      const value = weight * ((values[row * width + i] as number) - (mean[i] as number));
      rows[index * width + i] = value;
      trace += value * value;
    }
  });
  if (count <= width) return { mean, trace, factor: rows, rows: count };
  return { mean, trace, factor: choleskyFactor(covarianceOf(rows, count, width), width), rows: width };
}

/** F^T F of F [count, width]. */
function covarianceOf(rows: Float64Array, count: number, width: number): Float64Array {
  const covariance = new Float64Array(width * width);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < width; i++) {
      const value = rows[row * width + i] as number;
      for (let j = 0; j <= i; j++)
        covariance[i * width + j] =
          (covariance[i * width + j] as number) + value * (rows[row * width + j] as number);
    }
  }
  return covariance;
}

/** Smaller than this share of the largest variance is rounding. */
const NOTHING = 1e-14;

/**
 * L^T of C = L L^T, from the lower triangle of C [n, n]. A feature that follows from those before it leaves a column
 * of zeros.
 */
function choleskyFactor(covariance: Float64Array, n: number): Float64Array {
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, covariance[i * n + i] as number);
  const lower = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const rest = (covariance[i * n + j] as number) - dot(lower, i, lower, j, n, j);
      const pivot = lower[j * n + j] as number;
      if (i === j) lower[i * n + i] = rest > NOTHING * largest ? Math.sqrt(rest) : 0;
      else lower[i * n + j] = pivot === 0 ? 0 : rest / pivot;
    }
  }
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) factor[j * n + i] = lower[i * n + j] as number;
  return factor;
}

/** Of row i of x and row j of y, both `width` wide, their first `length` numbers. */
function dot(x: Float64Array, i: number, y: Float64Array, j: number, width: number, length = width): number {
  let sum = 0;
  for (let k = 0; k < length; k++) sum += (x[i * width + k] as number) * (y[j * width + k] as number);
  return sum;
}
