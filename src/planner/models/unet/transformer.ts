/** diffusers' `TransformerSpatioTemporalModel`: attention over space, then over time, with AID's adapters. */
import type { Value } from '../../onnx/graph.js';
import { sinusoidalEmbedding } from '../../onnx/layers/embedding.js';
import { linear } from '../../onnx/layers/linear.js';
import { groupNorm, layerNorm } from '../../onnx/layers/normalization.js';
import { silu } from '../../onnx/ops/activation.js';
import { add } from '../../onnx/ops/elementwise.js';
import { reshape, transpose } from '../../onnx/ops/layout.js';
import type { Scope } from '../../onnx/scope.js';
import { at, dividedBy, fixedAt, times } from '../../onnx/shape.js';
import { type AdapterConfig, longTermAdapter, shortTermAdapter, spatialAdapter } from '../adapters.js';
import { attendTo, selfAttention } from '../attention.js';
import { gegluFeedForward } from '../feed-forward.js';
import { mixPaths } from '../mixer.js';
import type { Condition } from './condition.js';

export interface TransformerOptions {
  readonly layers: number;
  readonly heads: number;
  /** Of the group norm. */
  readonly groups: number;
  readonly numFrames: number;
  readonly condition: Condition;
  readonly adapters?: AdapterConfig;
}

/** x [B*F, C, H, W] -> same shape. */
export function spatioTemporalTransformer(scope: Scope, x: Value, options: TransformerOptions): Value {
  const { numFrames } = options;
  const channels = fixedAt(x.shape, 1);
  const space = fixedAt(x.shape, 2) * fixedAt(x.shape, 3);
  const images = at(x.shape, 0);
  const batch = dividedBy(images, numFrames);
  const normed = groupNorm(scope.at('norm'), x, { groups: options.groups, epsilon: 1e-6 });
  let h = transpose(reshape(normed, [images, channels, space]), [0, 2, 1]);
  h = linear(scope.at('proj_in'), h, channels); // [B*F, S, C]

  const places = framePositions(scope, channels, numFrames); // [1, F, 1, C]
  for (let layer = 0; layer < options.layers; layer++) {
    h = spatialBlock(scope.at('transformer_blocks', layer), h, options);
    const placed = add(reshape(h, [batch, numFrames, space, channels]), places);
    const sequences = reshape(transpose(placed, [0, 2, 1, 3]), [times(batch, space), numFrames, channels]);
    const mixed = temporalBlock(scope.at('temporal_transformer_blocks', layer), sequences, space, options);
    const back = transpose(reshape(mixed, [batch, space, numFrames, channels]), [0, 2, 1, 3]);
    h = mixPaths(scope.at('time_mixer'), h, reshape(back, [images, space, channels]));
  }
  h = linear(scope.at('proj_out'), h, channels);
  return add(reshape(transpose(h, [0, 2, 1]), x.shape), x);
}

/** diffusers' `BasicTransformerBlock`, x [B*F, S, C]. */
function spatialBlock(
  scope: Scope,
  x: Value,
  { heads, condition, numFrames, adapters }: TransformerOptions,
): Value {
  const [images, space, width] = [at(x.shape, 0), fixedAt(x.shape, 1), fixedAt(x.shape, 2)];
  const n = layerNorm(scope.at('norm1'), x);
  let h = add(x, selfAttention(scope.at('attn1'), n, { heads }));
  if (adapters?.spatial === true) h = add(h, spatialAdapter(scope.at('spatial_adapter'), n, adapters));

  const attn2 = scope.at('attn2');
  const context = condition.keysAndValues(attn2, 'spatial', width);
  // Tokens shared by all frames: the frames' queries become one sequence, so that nothing is repeated.
  const sequences = condition.perFrame ? x.shape : [dividedBy(images, numFrames), numFrames * space, width];
  const attended = attendTo(attn2, reshape(layerNorm(scope.at('norm2'), h), sequences), context, { heads });
  h = reshape(add(reshape(h, sequences), attended), x.shape);
  return add(h, gegluFeedForward(scope.at('ff'), layerNorm(scope.at('norm3'), h)));
}

/** diffusers' `TemporalBasicTransformerBlock`, x [B*S, F, C]. */
function temporalBlock(
  scope: Scope,
  x: Value,
  space: number,
  { heads, condition, adapters }: TransformerOptions,
): Value {
  const [numFrames, width] = [fixedAt(x.shape, 1), fixedAt(x.shape, 2)];
  let h = add(x, gegluFeedForward(scope.at('ff_in'), layerNorm(scope.at('norm_in'), x)));
  const n = layerNorm(scope.at('norm1'), h);
  h = add(h, selfAttention(scope.at('attn1'), n, { heads }));
  if (adapters?.shortTerm === true) h = add(h, shortTermAdapter(scope.at('short_term_adapter'), n, adapters));
  if (adapters?.longTerm === true) h = add(h, longTermAdapter(scope.at('long_term_adapter'), n, adapters));

  const attn2 = scope.at('attn2');
  const context = condition.keysAndValues(attn2, 'temporal', width);
  // Every position of a clip sees the same tokens: its positions become one sequence.
  const sequences = [dividedBy(at(x.shape, 0), space), space * numFrames, width];
  const attended = attendTo(attn2, reshape(layerNorm(scope.at('norm2'), h), sequences), context, { heads });
  h = reshape(add(reshape(h, sequences), attended), x.shape);
  return add(h, gegluFeedForward(scope.at('ff'), layerNorm(scope.at('norm3'), h)));
}

/** The learned embedding of each frame's number, [1, F, 1, C]. */
function framePositions(scope: Scope, channels: number, numFrames: number): Value {
  const numbers = scope.graph.floats(Float32Array.from({ length: numFrames }, (_, frame) => frame));
  const embed = scope.at('time_pos_embed');
  const hidden = silu(linear(embed.at('linear_1'), sinusoidalEmbedding(numbers, channels), 4 * channels));
  return reshape(linear(embed.at('linear_2'), hidden, channels), [1, numFrames, 1, channels]);
}
