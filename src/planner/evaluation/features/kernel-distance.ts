/**
 * The kernel distance of two sets of features: the squared maximum mean discrepancy, unbiased, with the kernel
 * (x.y / width + 1)^3. It may come out slightly negative for sets that are alike.
 */
import { checkComparable, type Drawn, everyRowOnce, type FeatureSet } from './feature-set.js';

export interface KernelOptions {
  /**
   * After each set's mean is taken away, which is what Seer's published code reports as its kernel distance. It does
   * not see a shift between the sets.
   */
  readonly centred?: boolean;
  /** How often each row of both sets counts; once unless said otherwise. */
  readonly drawn?: Drawn;
}

/** Errors: `invalid-argument`. */
export function kernelDistance(a: FeatureSet, b: FeatureSet, options: KernelOptions = {}): number {
  return kernelDistanceOf(innerProducts(a, b), options);
}

/** Of every row with every other, from which the distance of any resampled sets follows. */
export interface InnerProducts {
  readonly a: FeatureSet;
  readonly b: FeatureSet;
  /** [a.count, a.count], [b.count, b.count], [a.count, b.count]. */
  readonly aa: Float64Array;
  readonly bb: Float64Array;
  readonly ab: Float64Array;
}

/** Errors: `invalid-argument`. */
export function innerProducts(a: FeatureSet, b: FeatureSet): InnerProducts {
  checkComparable(a, b);
  return { a, b, aa: products(a, a), bb: products(b, b), ab: products(a, b) };
}

export function kernelDistanceOf(
  { a, b, aa, bb, ab }: InnerProducts,
  { centred = false, drawn }: KernelOptions = {},
): number {
  const [ofA, ofB] = [drawn ?? everyRowOnce(a), drawn ?? everyRowOnce(b)];
  const { width } = a;
  const within = (products: Float64Array, times: Drawn): number =>
    meanKernel(products, times, times, { width, centred, same: true });
  return within(aa, ofA) + within(bb, ofB) - 2 * meanKernel(ab, ofA, ofB, { width, centred, same: false });
}

function products(a: FeatureSet, b: FeatureSet): Float64Array {
  const { width } = a;
  const matrix = new Float64Array(a.count * b.count);
  for (let i = 0; i < a.count; i++) {
    for (let j = 0; j < b.count; j++) {
      let sum = 0;
      for (let k = 0; k < width; k++)
        sum += (a.values[i * width + k] as number) * (b.values[j * width + k] as number);
      matrix[i * b.count + j] = sum;
    }
  }
  return matrix;
}

/**
 * Mean of the kernel over all pairs, each as often as its rows were drawn. In the same set a row makes no pair with
 * itself, however often it was drawn.
 */
function meanKernel(
  matrix: Float64Array,
  rows: Drawn,
  columns: Drawn,
  { width, centred, same }: { readonly width: number; readonly centred: boolean; readonly same: boolean },
): number {
  const n = columns.length;
  const [total, totalColumns] = [sumOf(rows), sumOf(columns)];
  // (x - mx).(y - my) = x.y - x.my - mx.y + mx.my
  const ofRow = new Float64Array(rows.length);
  const ofColumn = new Float64Array(n);
  let ofBoth = 0;
  if (centred) {
    for (let i = 0; i < rows.length; i++) {
      for (let j = 0; j < n; j++) {
        const product = matrix[i * n + j] as number;
        ofRow[i] = (ofRow[i] as number) + ((columns[j] as number) * product) / totalColumns;
        ofColumn[j] = (ofColumn[j] as number) + ((rows[i] as number) * product) / total;
      }
      ofBoth += ((rows[i] as number) * (ofRow[i] as number)) / total;
    }
  }
  let [sum, count] = [0, 0];
  for (let i = 0; i < rows.length; i++) {
    if (rows[i] === 0) continue;
    for (let j = 0; j < n; j++) {
      const pairs = same && i === j ? 0 : (rows[i] as number) * (columns[j] as number);
      if (pairs === 0) continue;
      const product = (matrix[i * n + j] as number) - (ofRow[i] as number) - (ofColumn[j] as number) + ofBoth;
      const base = product / width + 1;
      sum += pairs * base * base * base;
      count += pairs;
    }
  }
  return sum / count;
}

function sumOf(values: Drawn): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum;
}
