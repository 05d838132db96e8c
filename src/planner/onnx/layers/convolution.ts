import { AidError } from '../../errors.js';
import type { Value } from '../graph.js';
import { reshape } from '../ops/layout.js';
import { convolution } from '../ops/product.js';
import type { Scope } from '../scope.js';
import { fixedAt, formatShape } from '../shape.js';

export interface Conv2dOptions {
  readonly kernel: number;
  readonly stride?: number;
  /** The same on all four sides, or [top, left, bottom, right]. */
  readonly padding?: number | readonly [number, number, number, number];
  readonly bias?: boolean;
}

/** torch.nn.Conv2d on x [N, C, H, W], weight [out, C, k, k]. */
export function conv2d(
  scope: Scope,
  x: Value,
  outChannels: number,
  { kernel, stride = 1, padding = 0, bias = true }: Conv2dOptions,
): Value {
  if (x.shape.length !== 4) {
    throw new AidError('invalid-graph', `${scope.path}: expected [N,C,H,W], got ${formatShape(x.shape)}`);
  }
  const weight = scope.parameter('weight', [outChannels, fixedAt(x.shape, 1), kernel, kernel]);
  const pads = typeof padding === 'number' ? ([padding, padding, padding, padding] as const) : padding;
  return convolution(x, weight, bias ? scope.parameter('bias', [outChannels]) : null, {
    stride,
    padding: pads,
  });
}

/**
 * torch.nn.Conv3d with a kernel over frames only, (kernel, 1, 1), padded to keep the frames:
 * x [B, C, F, S] with the space flattened, weight [out, C, kernel, 1, 1].
 * Runs as a 2-D convolution, which engines do faster.
 */
export function convOverFrames(
  scope: Scope,
  x: Value,
  outChannels: number,
  { kernel }: { readonly kernel: number },
): Value {
  const inChannels = fixedAt(x.shape, 1);
  const weight = scope.parameter('weight', [outChannels, inChannels, kernel, 1, 1]);
  const half = (kernel - 1) / 2;
  return convolution(
    x,
    reshape(weight, [outChannels, inChannels, kernel, 1]),
    scope.parameter('bias', [outChannels]),
    {
      padding: [half, 0, half, 0],
    },
  );
}
