/** The convolutional blocks that the UNet and the autoencoder share. */
import type { Value } from '../onnx/graph.js';
import { conv2d, convOverFrames } from '../onnx/layers/convolution.js';
import { linear } from '../onnx/layers/linear.js';
import { groupNorm } from '../onnx/layers/normalization.js';
import { silu } from '../onnx/ops/activation.js';
import { add } from '../onnx/ops/elementwise.js';
import { reshape, resizeNearest, transpose } from '../onnx/ops/layout.js';
import type { Scope } from '../onnx/scope.js';
import { at, dividedBy, fixedAt } from '../onnx/shape.js';
import { mixPaths } from './mixer.js';

/** What a block knows of time: the frames of a clip, and the noise level's embedding where there is one. */
export interface ClipContext {
  readonly numFrames: number;
  /** silu of the time embedding, [B, T]. */
  readonly timeFeatures?: Value;
}

/** Of a block's group norms. */
export interface NormOptions {
  readonly epsilon: number;
  readonly groups: number;
}

/** diffusers' `ResnetBlock2D`, x [B*F, C, H, W]. */
export function residualBlock(
  scope: Scope,
  x: Value,
  outChannels: number,
  { epsilon, groups, clip }: NormOptions & { readonly clip?: ClipContext },
): Value {
  const options = { kernel: 3, padding: 1 };
  let h = conv2d(
    scope.at('conv1'),
    silu(groupNorm(scope.at('norm1'), x, { groups, epsilon })),
    outChannels,
    options,
  );
  if (clip?.timeFeatures !== undefined) {
    const shift = linear(scope.at('time_emb_proj'), clip.timeFeatures, outChannels);
    const batch = at(shift.shape, 0);
    const clips = reshape(h, [batch, clip.numFrames, outChannels, fixedAt(h.shape, 2) * fixedAt(h.shape, 3)]);
    h = reshape(add(clips, reshape(shift, [batch, 1, outChannels, 1])), h.shape);
  }
  h = conv2d(
    scope.at('conv2'),
    silu(groupNorm(scope.at('norm2'), h, { groups, epsilon })),
    outChannels,
    options,
  );
  const shortcut =
    fixedAt(x.shape, 1) === outChannels
      ? x
      : conv2d(scope.at('conv_shortcut'), x, outChannels, { kernel: 1 });
  return add(shortcut, h);
}

/** diffusers' `TemporalResnetBlock` with equal channels in and out, x [B, C, F, H*W]. */
function temporalResidualBlock(
  scope: Scope,
  x: Value,
  { epsilon, groups }: NormOptions,
  clip: ClipContext,
): Value {
  const channels = fixedAt(x.shape, 1);
  const norm = (name: string, value: Value) => silu(groupNorm(scope.at(name), value, { groups, epsilon }));
  let h = convOverFrames(scope.at('conv1'), norm('norm1', x), channels, { kernel: 3 });
  if (clip.timeFeatures !== undefined) {
    const shift = linear(scope.at('time_emb_proj'), clip.timeFeatures, channels);
    h = add(h, reshape(shift, [at(shift.shape, 0), channels, 1, 1]));
  }
  return add(x, convOverFrames(scope.at('conv2'), norm('norm2', h), channels, { kernel: 3 }));
}

export interface SpatioTemporalResidualOptions extends NormOptions {
  readonly temporalEpsilon?: number;
  /** The autoencoder mixes the other way round. */
  readonly switchedMix?: boolean;
  readonly clip: ClipContext;
}

/** diffusers' `SpatioTemporalResBlock`, x [B*F, C, H, W]. */
export function spatioTemporalResidualBlock(
  scope: Scope,
  x: Value,
  outChannels: number,
  { epsilon, groups, temporalEpsilon = epsilon, switchedMix = false, clip }: SpatioTemporalResidualOptions,
): Value {
  const h = residualBlock(scope.at('spatial_res_block'), x, outChannels, { epsilon, groups, clip });
  const clips = framesInside(h, clip.numFrames);
  const norm = { epsilon: temporalEpsilon, groups };
  const temporal = temporalResidualBlock(scope.at('temporal_res_block'), clips, norm, clip);
  return framesOutside(mixPaths(scope.at('time_mixer'), clips, temporal, { switched: switchedMix }), h);
}

/** [B*F, C, H, W] -> [B, C, F, H*W] */
export function framesInside(x: Value, numFrames: number): Value {
  const [channels, space] = [fixedAt(x.shape, 1), fixedAt(x.shape, 2) * fixedAt(x.shape, 3)];
  return transpose(
    reshape(x, [dividedBy(at(x.shape, 0), numFrames), numFrames, channels, space]),
    [0, 2, 1, 3],
  );
}

/** [B, C, F, H*W] -> [B*F, C, H, W], the shape of `like` but for the channels. */
export function framesOutside(x: Value, like: Value): Value {
  return reshape(transpose(x, [0, 2, 1, 3]), [
    at(like.shape, 0),
    at(x.shape, 1),
    at(like.shape, 2),
    at(like.shape, 3),
  ]);
}

/** diffusers' `Upsample2D`: nearest neighbours, then a 3x3 convolution. Twice the size unless one is given. */
export function upsample(scope: Scope, x: Value, size?: readonly [height: number, width: number]): Value {
  const [height, width] = size ?? [2 * fixedAt(x.shape, 2), 2 * fixedAt(x.shape, 3)];
  return conv2d(scope.at('conv'), resizeNearest(x, height, width), fixedAt(x.shape, 1), {
    kernel: 3,
    padding: 1,
  });
}
