/** The temporal decoder of diffusers' AutoencoderKLTemporalDecoder. */
import { AidError } from '../../errors.js';
import type { Value } from '../../onnx/graph.js';
import { conv2d, convOverFrames } from '../../onnx/layers/convolution.js';
import { groupNorm } from '../../onnx/layers/normalization.js';
import { silu } from '../../onnx/ops/activation.js';
import type { Scope } from '../../onnx/scope.js';
import { formatShape } from '../../onnx/shape.js';
import { atOnce, type Steps } from '../../turns.js';
import { framesInside, framesOutside, spatioTemporalResidualBlock, upsample } from '../residual-blocks.js';
import type { AutoencoderConfig } from './config.js';
import { imageAttention } from './image-attention.js';
import { fromPatches } from './patches.js';

/** latents [B*F, latent_channels, h, w], already divided by scaling_factor -> pixels [B*F, 3, H, W]. */
export function decodeLatents(...given: Parameters<typeof decodeLatentsInSteps>): Value {
  return atOnce(decodeLatentsInSteps(...given));
}

/** The same, with pauses. */
export function* decodeLatentsInSteps(
  root: Scope,
  latents: Value,
  config: AutoencoderConfig,
  { numFrames }: { readonly numFrames: number },
): Steps<Value> {
  const scope = root.at('decoder');
  const widths = config.block_out_channels.toReversed();
  const [deepest, outermost] = [widths[0], widths.at(-1)];
  if (deepest === undefined || outermost === undefined || latents.shape[1] !== config.latent_channels) {
    throw new AidError(
      'invalid-graph',
      `vae.decoder: expected [B*F,${config.latent_channels},h,w], got ${formatShape(latents.shape)}`,
    );
  }
  const clip = { numFrames };
  const norm = { epsilon: 1e-6, groups: config.norm_num_groups };
  const block = { ...norm, temporalEpsilon: 1e-5, switchedMix: true, clip };
  let x = conv2d(scope.at('conv_in'), latents, deepest, { kernel: 3, padding: 1 });

  const middle = scope.at('mid_block');
  x = spatioTemporalResidualBlock(middle.at('resnets', 0), x, deepest, block);
  // diffusers pairs the one attention with the second block and runs no more than that; the checkpoint has
  // the tensors of what is not run all the same, so everything is built and what is not used falls away.
  const attended = imageAttention(middle.at('attentions', 0), x, norm);
  for (let layer = 1; layer < config.layers_per_block; layer++) {
    const y = spatioTemporalResidualBlock(middle.at('resnets', layer), attended, deepest, block);
    if (layer === 1) x = y;
  }

  for (const [level, width] of widths.entries()) {
    const up = scope.at('up_blocks', level);
    for (let layer = 0; layer <= config.layers_per_block; layer++) {
      yield;
      x = spatioTemporalResidualBlock(up.at('resnets', layer), x, width, block);
    }
    if (level < widths.length - 1) x = upsample(up.at('upsamplers', 0), x);
  }
  x = silu(groupNorm(scope.at('conv_norm_out'), x, norm));
  x = conv2d(scope.at('conv_out'), x, config.out_channels, { kernel: 3, padding: 1 });
  const mixed = convOverFrames(scope.at('time_conv_out'), framesInside(x, numFrames), config.out_channels, {
    kernel: 3,
  });
  return fromPatches(framesOutside(mixed, x), config.patch_size);
}
