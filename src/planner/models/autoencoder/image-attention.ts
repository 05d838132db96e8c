import type { Value } from '../../onnx/graph.js';
import { groupNorm } from '../../onnx/layers/normalization.js';
import { add } from '../../onnx/ops/elementwise.js';
import { reshape, transpose } from '../../onnx/ops/layout.js';
import type { Scope } from '../../onnx/scope.js';
import { at, fixedAt } from '../../onnx/shape.js';
import { selfAttention } from '../attention.js';
import type { NormOptions } from '../residual-blocks.js';

/** One-head self-attention over the positions of x [N, C, H, W], normed before and added to x. */
export function imageAttention(scope: Scope, x: Value, norm: NormOptions): Value {
  const [batch, channels] = [at(x.shape, 0), fixedAt(x.shape, 1)];
  const positions = fixedAt(x.shape, 2) * fixedAt(x.shape, 3);
  const normed = groupNorm(scope.at('group_norm'), x, norm);
  const tokens = transpose(reshape(normed, [batch, channels, positions]), [0, 2, 1]);
  const attended = selfAttention(scope, tokens, { heads: 1, bias: true });
  return add(x, reshape(transpose(attended, [0, 2, 1]), x.shape));
}
