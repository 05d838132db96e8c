/** Linear layers as matrices, rows of inputs in and rows of outputs out, and fitting one to what it should give. */
import { CholeskyDecomposition, Matrix } from 'ml-matrix';

/** How much a fit shuns large weights. */
const RIDGE = 1e-4;

/** The layer with that key, of tensors `{ shape, data }` by key. */
export function layerOf(tensors, key) {
  const { shape, data } = tensors.get(`${key}.weight`);
  return { weight: Matrix.from1DArray(shape[0], shape[1], data), bias: [...tensors.get(`${key}.bias`).data] };
}

export function putLayer(tensors, key, { weight, bias }) {
  tensors.get(`${key}.weight`).data.set(weight.to1DArray());
  tensors.get(`${key}.bias`).data.set(bias);
}

export const linear = (x, { weight, bias }) => x.mmul(weight.transpose()).addRowVector(bias);

export function silu(matrix) {
  const values = matrix.to1DArray().map((x) => x / (1 + Math.exp(-x)));
  return Matrix.from1DArray(matrix.rows, matrix.columns, values);
}

/** The layer that makes `y` of `x`, nearly, with small weights. */
export function fitted(x, y) {
  const [meanX, meanY] = [x.mean('column'), y.mean('column')];
  const [dx, dy] = [x.clone().subRowVector(meanX), y.clone().subRowVector(meanY)];
  const penalty = Matrix.eye(x.columns).mul(RIDGE * x.rows);
  const gram = dx.transpose().mmul(dx).add(penalty);
  const solution = new CholeskyDecomposition(gram).solve(dx.transpose().mmul(dy));
  const bias = Matrix.rowVector(meanY).sub(Matrix.rowVector(meanX).mmul(solution));
  return { weight: solution.transpose(), bias: bias.to1DArray() };
}

/** How far `got` is from `wanted`, to how much `wanted` varies from row to row. */
export function relativeError(got, wanted) {
  const variation = wanted.clone().subRowVector(wanted.mean('column'));
  return got.clone().sub(wanted).norm() / variation.norm();
}

/** Indices of the columns that vary most. */
export function liveliestColumns(x, count) {
  const variance = x.variance('column');
  const order = variance.map((_, i) => i).sort((a, b) => variance[b] - variance[a]);
  return order.slice(0, count);
}
