/**
 * Distances between two sets of video features, as the baselines of AID's paper compute them (VideoGPT, Seer).
 * In double precision. The features are not made here: Frechet and kernel video distance take an
 * InceptionI3D's 400 logits of each clip, and a number without its feature extractor, protocol and number of
 * clips means nothing.
 */
import { AidError } from '../errors.js';
import { symmetricEigen } from './symmetric-eigen.js';

/** `count` rows of `width` features. */
export interface FeatureSet {
  readonly count: number;
  readonly width: number;
  readonly values: Float32Array | Float64Array;
}

/**
 * Frechet distance of two normal distributions fitted to the features, covariances unbiased unless said otherwise:
 * |mu_a - mu_b|^2 + tr(C_a + C_b) - 2 tr (C_a^(1/2) C_b C_a^(1/2))^(1/2). Errors: `invalid-argument`.
 */
export function frechetDistance(
  a: FeatureSet,
  b: FeatureSet,
  covariance: 'unbiased' | 'biased' = 'unbiased',
): number {
  check(a, b);
  const n = a.width;
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  const [covarianceA, covarianceB] = [covarianceOf(a, meanA, covariance), covarianceOf(b, meanB, covariance)];
  let distance = 0;
  for (let i = 0; i < n; i++) {
    distance += ((meanA[i] as number) - (meanB[i] as number)) ** 2;
    distance += (covarianceA[i * n + i] as number) + (covarianceB[i * n + i] as number);
  }
  // In the eigenbasis of C_a = V diag(w) V^T the matrix under the root is diag(sqrt w) V^T C_b V diag(sqrt w).
  const { values, vectors } = symmetricEigen(covarianceA, n);
  const roots = values.map((value) => Math.sqrt(Math.max(value, 0)));
  const half = product(covarianceB, vectors, n);
  const inner = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += (vectors[k * n + i] as number) * (half[k * n + j] as number);
      inner[i * n + j] = inner[j * n + i] = (roots[i] as number) * sum * (roots[j] as number);
    }
  }
  for (const value of symmetricEigen(inner, n).values) distance -= 2 * Math.sqrt(Math.max(value, 0));
  return distance;
}

/**
 * Squared maximum mean discrepancy, unbiased, with the kernel (x.y / width + 1)^3. It may come out slightly
 * negative for sets that are alike. Errors: `invalid-argument`.
 */
export function kernelDistance(a: FeatureSet, b: FeatureSet): number {
  check(a, b);
  return meanKernel(a, a) + meanKernel(b, b) - 2 * meanKernel(a, b);
}

/**
 * `kernelDistance` after each set's mean is taken away, which is what Seer's published code reports as its
 * kernel distance. It does not see a shift between the sets. Errors: `invalid-argument`.
 */
export function centeredKernelDistance(a: FeatureSet, b: FeatureSet): number {
  check(a, b);
  return kernelDistance(centered(a), centered(b));
}

function check(a: FeatureSet, b: FeatureSet): void {
  for (const { count, width, values } of [a, b]) {
    if (count < 2 || width !== a.width || values.length !== count * width) {
      throw new AidError(
        'invalid-argument',
        `features: expected at least 2 rows of ${a.width} numbers, got ${count} rows of ${width} and ${values.length} numbers`,
      );
    }
  }
}

function meanOf({ count, width, values }: FeatureSet): Float64Array {
  const mean = new Float64Array(width);
  for (let i = 0; i < values.length; i++)
    mean[i % width] = (mean[i % width] as number) + (values[i] as number);
  return mean.map((sum) => sum / count);
}

/** Without each column's mean. */
export function centered(features: FeatureSet): FeatureSet {
  const mean = meanOf(features);
  const { count, width, values } = features;
  return {
    count,
    width,
    values: Float64Array.from(values, (value, i) => value - (mean[i % width] as number)),
  };
}

/** [width, width], divided by count - 1, or by count where it is biased. */
function covarianceOf(
  { count, width, values }: FeatureSet,
  mean: Float64Array,
  kind: 'unbiased' | 'biased',
): Float64Array {
  const divisor = kind === 'unbiased' ? count - 1 : count;
  const covariance = new Float64Array(width * width);
  const row = new Float64Array(width);
  for (let r = 0; r < count; r++) {
    for (let i = 0; i < width; i++) row[i] = (values[r * width + i] as number) - (mean[i] as number);
    for (let i = 0; i < width; i++) {
      const scaled = (row[i] as number) / divisor;
      for (let j = 0; j <= i; j++)
        covariance[i * width + j] = (covariance[i * width + j] as number) + scaled * (row[j] as number);
    }
  }
  for (let i = 0; i < width; i++)
    for (let j = 0; j < i; j++) covariance[j * width + i] = covariance[i * width + j] as number;
  return covariance;
}

/** Mean of the kernel over all pairs; over pairs of different rows where the sets are the same. */
function meanKernel(a: FeatureSet, b: FeatureSet): number {
  const { width } = a;
  let sum = 0;
  for (let i = 0; i < a.count; i++) {
    for (let j = 0; j < b.count; j++) {
      if (a === b && i === j) continue;
      let dot = 0;
      for (let k = 0; k < width; k++)
        dot += (a.values[i * width + k] as number) * (b.values[j * width + k] as number);
      sum += (dot / width + 1) ** 3;
    }
  }
  return sum / (a === b ? a.count * (a.count - 1) : a.count * b.count);
}

/** A B of square matrices. */
function product(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = a[i * n + k] as number;
      for (let j = 0; j < n; j++)
        result[i * n + j] = (result[i * n + j] as number) + factor * (b[k * n + j] as number);
    }
  }
  return result;
}
