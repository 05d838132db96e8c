import type { Value } from '../onnx/graph.js';
import { linear } from '../onnx/layers/linear.js';
import { gelu } from '../onnx/ops/activation.js';
import { multiply } from '../onnx/ops/elementwise.js';
import { split } from '../onnx/ops/layout.js';
import type { Scope } from '../onnx/scope.js';
import { fixedAt } from '../onnx/shape.js';

/** diffusers' `FeedForward` with a GEGLU, four times as wide inside: [..., width] -> [..., width]. */
export function gegluFeedForward(scope: Scope, x: Value): Value {
  const width = fixedAt(x.shape, -1);
  const inner = 4 * width;
  const [hidden, gate] = split(linear(scope.at('net', 0, 'proj'), x, 2 * inner), -1, [inner, inner]);
  if (hidden === undefined || gate === undefined) throw new TypeError('unreachable');
  return linear(scope.at('net', 2), multiply(hidden, gelu(gate)), width);
}
