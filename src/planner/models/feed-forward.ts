import type { Value } from '../onnx/graph.js';
import { affine, linear } from '../onnx/layers/linear.js';
import { gelu } from '../onnx/ops/activation.js';
import { multiply } from '../onnx/ops/elementwise.js';
import { slice } from '../onnx/ops/layout.js';
import type { Scope } from '../onnx/scope.js';
import { fixedAt } from '../onnx/shape.js';

/** diffusers' `FeedForward` with a GEGLU, four times as wide inside: [..., width] -> [..., width]. */
export function gegluFeedForward(scope: Scope, x: Value): Value {
  const width = fixedAt(x.shape, -1);
  const inner = 4 * width;
  // One product for each half of the weight: splitting the weight is cheaper than splitting what comes out.
  const proj = scope.at('net', 0, 'proj');
  const weight = proj.parameter('weight', [2 * inner, width]);
  const bias = proj.parameter('bias', [2 * inner]);
  const half = (start: number): Value =>
    affine(x, slice(weight, 0, start, start + inner), slice(bias, 0, start, start + inner));
  return linear(scope.at('net', 2), multiply(half(0), gelu(half(inner))), width);
}
