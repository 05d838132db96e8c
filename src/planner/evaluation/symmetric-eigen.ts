/** Eigenvalues and eigenvectors of a symmetric matrix. */

export interface SymmetricEigen {
  readonly values: Float64Array;
  /** [n, n]: column i is the eigenvector of value i. */
  readonly vectors: Float64Array;
}

const MAX_SWEEPS = 64;

/**
 * Jacobi's method: rotations that each zero one pair of off-diagonal elements, until none is left that a
 * double could hold beside the diagonal. `matrix` [n, n], rows after rows.
 */
export function symmetricEigen(matrix: Float64Array, n: number): SymmetricEigen {
  const a = matrix.slice();
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;
  const total = a.reduce((sum, value) => sum + value * value, 0);
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let outside = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) outside += 2 * (a[i * n + j] as number) ** 2;
    if (outside <= 1e-30 * total) break;
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(a, vectors, n, p, q);
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i] as number), vectors };
}

/** Zeros a[p,q] by a rotation in the plane of p and q. */
function rotate(a: Float64Array, vectors: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q] as number;
  if (apq === 0) return;
  const theta = ((a[q * n + q] as number) - (a[p * n + p] as number)) / (2 * apq);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  // Rows p and q: J^T A.
  for (let k = 0; k < n; k++) {
    const [x, y] = [a[p * n + k] as number, a[q * n + k] as number];
    a[p * n + k] = c * x - s * y;
    a[q * n + k] = s * x + c * y;
  }
  // Columns p and q: A J, V J.
  for (const m of [a, vectors]) {
    for (let k = 0; k < n; k++) {
      const [x, y] = [m[k * n + p] as number, m[k * n + q] as number];
      m[k * n + p] = c * x - s * y;
      m[k * n + q] = s * x + c * y;
    }
  }
}
