/** Eigenvalues and eigenvectors of a symmetric matrix. */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

export interface SymmetricEigen {
  readonly values: Float64Array;
  /** [n, n]: column i is the eigenvector of value i. */
  readonly vectors: Float64Array;
}

/** `matrix` [n, n], rows after rows. */
export function symmetricEigen(matrix: Float64Array, n: number): SymmetricEigen {
  const rows = Array.from({ length: n }, (_, i) => matrix.subarray(i * n, (i + 1) * n));
  const decomposed = new EigenvalueDecomposition(new Matrix(rows as unknown as number[][]), {
    assumeSymmetric: true,
  });
  const vectors = new Float64Array(n * n);
  const { eigenvectorMatrix } = decomposed;
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) vectors[i * n + j] = eigenvectorMatrix.get(i, j);
  return { values: Float64Array.from(decomposed.realEigenvalues), vectors };
}
