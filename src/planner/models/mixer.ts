import type { Value } from '../onnx/graph.js';
import { add, multiply, sigmoid, subtract } from '../onnx/ops/elementwise.js';
import type { Scope } from '../onnx/scope.js';

/**
 * diffusers' `AlphaBlender`: a spatial and a temporal path mixed by one learned number,
 * a spatial + (1 - a) temporal with a = sigmoid(mix_factor); `switched`, as the VAE does, trades the two.
 */
export function mixPaths(scope: Scope, spatial: Value, temporal: Value, { switched = false } = {}): Value {
  const a = sigmoid(scope.parameter('mix_factor', [1]));
  const [share, rest] = switched ? [temporal, spatial] : [spatial, temporal];
  return add(rest, multiply(subtract(share, rest), a));
}
