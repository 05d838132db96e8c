import { Matrix, SingularValueDecomposition } from 'ml-matrix';

/** Sum of the singular values of a matrix [rows, columns], rows after rows. */
export function nuclearNorm(matrix: Float64Array, rows: number, columns: number): number {
  const view = Array.from({ length: rows }, (_, i) => matrix.subarray(i * columns, (i + 1) * columns));
  const { diagonal } = new SingularValueDecomposition(new Matrix(view as unknown as number[][]), {
    computeLeftSingularVectors: false,
    computeRightSingularVectors: false,
    autoTranspose: true,
  });
  return diagonal.reduce((sum, value) => sum + value, 0);
}
