/** diffusers' UNetSpatioTemporalConditionModel, with AID's per-frame condition and adapters. */
import { AidError } from '../../errors.js';
import type { Value } from '../../onnx/graph.js';
import { conv2d } from '../../onnx/layers/convolution.js';
import { sinusoidalEmbedding } from '../../onnx/layers/embedding.js';
import { linear } from '../../onnx/layers/linear.js';
import { groupNorm } from '../../onnx/layers/normalization.js';
import { silu } from '../../onnx/ops/activation.js';
import { add } from '../../onnx/ops/elementwise.js';
import { concat, reshape } from '../../onnx/ops/layout.js';
import type { Scope } from '../../onnx/scope.js';
import { at, fixedAt, formatShape, sizeOf, times } from '../../onnx/shape.js';
import { atOnce, type Steps } from '../../turns.js';
import type { AdapterConfig } from '../adapters.js';
import { type ClipContext, spatioTemporalResidualBlock, upsample } from '../residual-blocks.js';
import type { Condition } from './condition.js';
import { levelsOf, type UNetConfig, type UNetLevel } from './config.js';
import { spatioTemporalTransformer } from './transformer.js';

export interface UNetInputs {
  /** Noisy latents with the image latents beside them on the channels, [B, F, in_channels, H, W]. */
  readonly sample: Value;
  /** c_noise of each clip, [B]. */
  readonly timestep: Value;
  /** fps - 1, motion bucket, noise augmentation, [B, 3]. */
  readonly addedTimeIds: Value;
  readonly condition: Condition;
}

/** The network's output F_x, [B, F, out_channels, H, W]. */
export function unet(scope: Scope, inputs: UNetInputs, config: UNetConfig, adapters?: AdapterConfig): Value {
  return atOnce(unetInSteps(scope, inputs, config, adapters));
}

/** The same, written block by block. */
export function* unetInSteps(
  scope: Scope,
  inputs: UNetInputs,
  config: UNetConfig,
  adapters?: AdapterConfig,
): Steps<Value> {
  const { sample, condition } = inputs;
  if (sample.shape.length !== 5 || sample.shape[2] !== config.in_channels) {
    throw new AidError(
      'invalid-graph',
      `unet.conv_in: expected [B,F,${config.in_channels},H,W], got ${formatShape(sample.shape)}`,
    );
  }
  const [batch, numFrames] = [at(sample.shape, 0), fixedAt(sample.shape, 1)];
  const levels = levelsOf(config);
  const [finest, coarsest] = [levels[0], levels.at(-1)];
  if (finest === undefined || coarsest === undefined) throw new AidError('invalid-config', 'unet: no blocks');

  const clip: ClipContext = {
    numFrames,
    timeFeatures: silu(timeEmbedding(scope, inputs, config, finest.channels)),
  };
  const groups = config.norm_num_groups;
  const residual = (module: Scope, x: Value, channels: number, epsilon: number): Value =>
    spatioTemporalResidualBlock(module, x, channels, { epsilon, groups, clip });
  const attend = (module: Scope, x: Value, { heads }: UNetLevel, layers: number): Value =>
    spatioTemporalTransformer(module, x, {
      layers,
      heads,
      groups,
      numFrames,
      condition,
      ...(adapters === undefined ? {} : { adapters }),
    });

  let x = reshape(sample, [times(batch, numFrames), ...sample.shape.slice(2)]);
  x = conv2d(scope.at('conv_in'), x, finest.channels, { kernel: 3, padding: 1 });

  const skips = [x];
  for (const [i, level] of levels.entries()) {
    const block = scope.at('down_blocks', i);
    for (let layer = 0; layer < level.layers; layer++) {
      x = residual(block.at('resnets', layer), x, level.channels, level.downHasAttention ? 1e-6 : 1e-5);
      if (level.downHasAttention) {
        x = attend(block.at('attentions', layer), x, level, level.transformerLayers(layer));
      }
      skips.push(x);
      yield;
    }
    if (i < levels.length - 1) {
      x = conv2d(block.at('downsamplers', 0, 'conv'), x, level.channels, {
        kernel: 3,
        stride: 2,
        padding: 1,
      });
      skips.push(x);
    }
  }

  const middle = scope.at('mid_block');
  x = residual(middle.at('resnets', 0), x, coarsest.channels, 1e-5);
  x = attend(middle.at('attentions', 0), x, coarsest, coarsest.transformerLayers(0));
  x = residual(middle.at('resnets', 1), x, coarsest.channels, 1e-5);
  yield;

  for (const [i, level] of levels.toReversed().entries()) {
    const block = scope.at('up_blocks', i);
    for (let layer = 0; layer <= level.layers; layer++) {
      const skip = skips.pop();
      if (skip === undefined) throw new AidError('invalid-config', `${block.path}: no skip connection left`);
      x = residual(block.at('resnets', layer), concat([x, skip], 1), level.channels, 1e-6);
      if (level.upHasAttention)
        x = attend(block.at('attentions', layer), x, level, level.transformerLayers(layer));
      yield;
    }
    const next = skips.at(-1);
    // To the size of the next skip connection: twice this one, or one less where the size was odd.
    if (i < levels.length - 1 && next !== undefined) {
      x = upsample(block.at('upsamplers', 0), x, [fixedAt(next.shape, 2), fixedAt(next.shape, 3)]);
    }
  }

  x = silu(groupNorm(scope.at('conv_norm_out'), x, { groups, epsilon: 1e-5 }));
  x = conv2d(scope.at('conv_out'), x, config.out_channels, { kernel: 3, padding: 1 });
  return reshape(x, [batch, numFrames, config.out_channels, ...sample.shape.slice(3)]);
}

/** The noise level and the added time ids, embedded and summed: [B, 4 * channels]. */
function timeEmbedding(
  scope: Scope,
  { timestep, addedTimeIds }: UNetInputs,
  config: UNetConfig,
  channels: number,
): Value {
  const width = 4 * channels;
  const embed = (module: Scope, features: Value): Value =>
    linear(module.at('linear_2'), silu(linear(module.at('linear_1'), features, width)), width);
  const noise = embed(scope.at('time_embedding'), sinusoidalEmbedding(timestep, channels));
  const ids = reshape(addedTimeIds, [sizeOf(addedTimeIds.shape)]);
  const features = sinusoidalEmbedding(ids, config.addition_time_embed_dim);
  const added = reshape(features, [at(addedTimeIds.shape, 0), config.projection_class_embeddings_input_dim]);
  return add(noise, embed(scope.at('add_embedding'), added));
}
