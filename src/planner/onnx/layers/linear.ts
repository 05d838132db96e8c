import type { Value } from '../graph.js';
import { reshape } from '../ops/layout.js';
import { gemm } from '../ops/product.js';
import type { Scope } from '../scope.js';
import { dividedBy, fixedAt, sizeOf } from '../shape.js';

/** torch.nn.Linear: x W^T + b on the last dimension, weight [out, in]. */
export function linear(scope: Scope, x: Value, outFeatures: number, { bias = true } = {}): Value {
  const weight = scope.parameter('weight', [outFeatures, fixedAt(x.shape, -1)]);
  return affine(x, weight, bias ? scope.parameter('bias', [outFeatures]) : null);
}

/** x W^T + b with a given weight [out, in] and bias [out]. */
export function affine(x: Value, weight: Value, bias: Value | null): Value {
  const [outFeatures, inFeatures] = [fixedAt(weight.shape, 0), fixedAt(x.shape, -1)];
  const rows = reshape(x, [dividedBy(sizeOf(x.shape), inFeatures), inFeatures]);
  return reshape(gemm(rows, weight, bias, { transB: true }), [...x.shape.slice(0, -1), outFeatures]);
}
