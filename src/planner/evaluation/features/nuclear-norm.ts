import { Matrix, SingularValueDecomposition } from 'ml-matrix';

/**
 * Sum of the singular values of a matrix [rows, columns], rows after rows. It is scaled to numbers up to 1: ml-matrix does
 * not come to an end where those of a small matrix that are rounding fall out of the range of numbers.
 */
export function nuclearNorm(matrix: Float64Array, rows: number, columns: number): number {
  const largest = matrix.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  if (largest === 0) return 0;
  const scaled = matrix.map((value) => value / largest);
  const view = Array.from({ length: rows }, (_, i) => scaled.subarray(i * columns, (i + 1) * columns));
  const { diagonal } = new SingularValueDecomposition(new Matrix(view as unknown as number[][]), {
    computeLeftSingularVectors: false,
    computeRightSingularVectors: false,
    autoTranspose: true,
  });
  return largest * diagonal.reduce((sum, value) => sum + value, 0);
}
