import type { Value } from '../graph.js';
import { reshape } from '../ops/layout.js';
import { gemm } from '../ops/product.js';
import type { Scope } from '../scope.js';
import { dividedBy, fixedAt, sizeOf } from '../shape.js';

/** torch.nn.Linear: x W^T + b on the last dimension, weight [out, in]. */
export function linear(scope: Scope, x: Value, outFeatures: number, { bias = true } = {}): Value {
  const inFeatures = fixedAt(x.shape, -1);
  const weight = scope.parameter('weight', [outFeatures, inFeatures]);
  const rows = dividedBy(sizeOf(x.shape), inFeatures);
  const product = gemm(
    reshape(x, [rows, inFeatures]),
    weight,
    bias ? scope.parameter('bias', [outFeatures]) : null,
    { transB: true },
  );
  return reshape(product, [...x.shape.slice(0, -1), outFeatures]);
}
