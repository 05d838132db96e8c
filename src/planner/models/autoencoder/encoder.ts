/** The image encoder of diffusers' AutoencoderKLTemporalDecoder. */
import { AidError } from '../../errors.js';
import type { Value } from '../../onnx/graph.js';
import { conv2d } from '../../onnx/layers/convolution.js';
import { groupNorm } from '../../onnx/layers/normalization.js';
import { silu } from '../../onnx/ops/activation.js';
import { clamp, exp, multiply } from '../../onnx/ops/elementwise.js';
import { split } from '../../onnx/ops/layout.js';
import type { Scope } from '../../onnx/scope.js';
import { formatShape } from '../../onnx/shape.js';
import { residualBlock } from '../residual-blocks.js';
import type { AutoencoderConfig } from './config.js';
import { imageAttention } from './image-attention.js';
import { toPatches } from './patches.js';

export interface LatentPosterior {
  /** The posterior's mean and mode, [N, latent_channels, H/f, W/f]. */
  readonly mean: Value;
  /** Logarithm of its variance, same shape. */
  readonly logVariance: Value;
}

/** pixels [N, 3, H, W] in [-1, 1]. */
export function encodeImages(root: Scope, frames: Value, config: AutoencoderConfig): LatentPosterior {
  const scope = root.at('encoder');
  const widths = config.block_out_channels;
  const pixels = toPatches(frames, config.patch_size);
  const [first, last] = [widths[0], widths.at(-1)];
  if (first === undefined || last === undefined || pixels.shape[1] !== config.in_channels) {
    throw new AidError(
      'invalid-graph',
      `vae.encoder: expected [N,${config.in_channels},H,W], got ${formatShape(pixels.shape)}`,
    );
  }
  const norm = { epsilon: 1e-6, groups: config.norm_num_groups };
  let x = conv2d(scope.at('conv_in'), pixels, first, { kernel: 3, padding: 1 });
  widths.forEach((width, level) => {
    const block = scope.at('down_blocks', level);
    for (let layer = 0; layer < config.layers_per_block; layer++) {
      x = residualBlock(block.at('resnets', layer), x, width, norm);
    }
    if (level < widths.length - 1) {
      // Padded at the bottom and the right only.
      x = conv2d(block.at('downsamplers', 0, 'conv'), x, width, {
        kernel: 3,
        stride: 2,
        padding: [0, 0, 1, 1],
      });
    }
  });
  const middle = scope.at('mid_block');
  x = residualBlock(middle.at('resnets', 0), x, last, norm);
  x = imageAttention(middle.at('attentions', 0), x, norm);
  x = residualBlock(middle.at('resnets', 1), x, last, norm);
  x = silu(groupNorm(scope.at('conv_norm_out'), x, norm));
  const channels = config.latent_channels;
  x = conv2d(scope.at('conv_out'), x, 2 * channels, { kernel: 3, padding: 1 });
  const moments = conv2d(root.at('quant_conv'), x, 2 * channels, { kernel: 1 });
  const [mean, logVariance] = split(moments, 1, [channels, channels]);
  if (mean === undefined || logVariance === undefined) throw new TypeError('unreachable');
  return { mean, logVariance: clamp(logVariance, -30, 20) };
}

/** exp(logVariance / 2) */
export function standardDeviation({ logVariance }: LatentPosterior): Value {
  return exp(multiply(logVariance, 0.5));
}
