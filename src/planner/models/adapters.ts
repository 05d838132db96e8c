/**
 * AID's adapters (arXiv 2406.06465, Eqs. 5-7): small trained branches beside a frozen self-attention, fed by
 * its normed input. Their up layers start at zero, so that training starts from the backbone.
 */
import { AidError } from '../errors.js';
import type { Value } from '../onnx/graph.js';
import { linear } from '../onnx/layers/linear.js';
import { gelu } from '../onnx/ops/activation.js';
import { add, multiply } from '../onnx/ops/elementwise.js';
import { pad, reshape, slice } from '../onnx/ops/layout.js';
import type { Scope } from '../onnx/scope.js';
import { fixedAt } from '../onnx/shape.js';
import { selfAttention } from './attention.js';

export interface AdapterConfig {
  /** The adapters' inner width is the block's divided by this. */
  readonly reduction: number;
  /** Heads of the long-term adapter's attention. */
  readonly heads: number;
  /** Frames that the short-term adapter's convolution sees; odd. */
  readonly kernel: number;
  readonly spatial: boolean;
  readonly shortTerm: boolean;
  readonly longTerm: boolean;
}

/** Eq. 5, in spatial blocks: `up(gelu(down n))`. */
export function spatialAdapter(scope: Scope, n: Value, { reduction }: AdapterConfig): Value {
  const width = fixedAt(n.shape, -1);
  return linear(
    scope.at('up'),
    gelu(linear(scope.at('down'), n, innerWidth(scope, width, reduction))),
    width,
  );
}

/** Eq. 6, in temporal blocks, n [B, F, width]: `up(gelu(conv(down n)))`, a depth-wise convolution over frames. */
export function shortTermAdapter(scope: Scope, n: Value, { reduction, kernel }: AdapterConfig): Value {
  const width = fixedAt(n.shape, -1);
  const down = linear(scope.at('down'), n, innerWidth(scope, width, reduction));
  return linear(scope.at('up'), gelu(depthwiseOverFrames(scope.at('conv'), down, kernel)), width);
}

/** Eq. 7, in temporal blocks, n [B, F, width]: `up(gelu(self_attn(down n)))` over the frames. */
export function longTermAdapter(scope: Scope, n: Value, { reduction, heads }: AdapterConfig): Value {
  const width = fixedAt(n.shape, -1);
  const down = linear(scope.at('down'), n, innerWidth(scope, width, reduction));
  return linear(scope.at('up'), gelu(selfAttention(scope.at('attn'), down, { heads })), width);
}

function innerWidth(scope: Scope, width: number, reduction: number): number {
  if (width % reduction === 0) return width / reduction;
  throw new AidError(
    'invalid-config',
    `${scope.path}: expected a reduction that divides its width of ${width}, got ${reduction}`,
  );
}

/** torch.nn.Conv1d with as many groups as channels, on x [B, F, C] with the channels last; weight [C, 1, kernel]. */
function depthwiseOverFrames(scope: Scope, x: Value, kernel: number): Value {
  const [frames, channels] = [fixedAt(x.shape, 1), fixedAt(x.shape, 2)];
  const half = (kernel - 1) / 2;
  const weight = scope.parameter('weight', [channels, 1, kernel]);
  const padded = pad(x, { 1: [half, half] });
  let sum = scope.parameter('bias', [channels]);
  for (let tap = 0; tap < kernel; tap++) {
    const perChannel = reshape(slice(weight, 2, tap, tap + 1), [channels]);
    sum = add(sum, multiply(slice(padded, 1, tap, tap + frames), perChannel));
  }
  return sum;
}
