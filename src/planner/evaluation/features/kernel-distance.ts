/**
 * The kernel distance of two sets of features: the squared maximum mean discrepancy, unbiased, with the kernel
 * (x.y / width + 1)^3. It may come out slightly negative for sets that are alike.
 */
import { checkComparable, everyRow, type FeatureSet, type Rows } from './feature-set.js';

export interface KernelOptions {
  /**
   * After each set's mean is taken away, which is what Seer's published code reports as its kernel distance. It does
   * not see a shift between the sets.
   */
  readonly centred?: boolean;
  /** Rows of both sets that count; all unless said otherwise. */
  readonly kept?: Rows;
}

/** Errors: `invalid-argument`. */
export function kernelDistance(a: FeatureSet, b: FeatureSet, options: KernelOptions = {}): number {
  return kernelDistanceOf(innerProducts(a, b), options);
}

/** Of every row with every other, from which the distance of any of the rows follows. */
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
  { centred = false, kept }: KernelOptions = {},
): number {
  const [ofA, ofB] = [kept ?? everyRow(a), kept ?? everyRow(b)];
  const { width } = a;
  const within = (products: Float64Array, { count }: FeatureSet, rows: Rows): number =>
    meanKernel({ products, stride: count }, rows, rows, { width, centred, same: true });
  const across = meanKernel({ products: ab, stride: b.count }, ofA, ofB, { width, centred, same: false });
  return within(aa, a, ofA) + within(bb, b, ofB) - 2 * across;
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

/** Mean of the kernel over all pairs. In the same set a row makes no pair with itself. */
function meanKernel(
  { products, stride }: { readonly products: Float64Array; readonly stride: number },
  rows: Rows,
  columns: Rows,
  { width, centred, same }: { readonly width: number; readonly centred: boolean; readonly same: boolean },
): number {
  // (x - mx).(y - my) = x.y - x.my - mx.y + mx.my
  const ofRow = new Float64Array(rows.length);
  const ofColumn = new Float64Array(columns.length);
  let ofBoth = 0;
  if (centred) {
    rows.forEach((row, i) => {
      columns.forEach((column, j) => {
        const product = products[row * stride + column] as number;
        ofRow[i] = (ofRow[i] as number) + product / columns.length;
        ofColumn[j] = (ofColumn[j] as number) + product / rows.length;
      });
      ofBoth += (ofRow[i] as number) / rows.length;
    });
  }
  let sum = 0;
  rows.forEach((row, i) => {
    columns.forEach((column, j) => {
      if (same && i === j) return;
      const product = products[row * stride + column] as number;
      const base = (product - (ofRow[i] as number) - (ofColumn[j] as number) + ofBoth) / width + 1;
      sum += base * base * base;
    });
  });
  return sum / (rows.length * (same ? columns.length - 1 : columns.length));
}
