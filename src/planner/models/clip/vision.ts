/** CLIP's vision tower: transformers' CLIPVisionModelWithProjection. */
import { AidError } from '../../errors.js';
import type { Value } from '../../onnx/graph.js';
import { conv2d } from '../../onnx/layers/convolution.js';
import { linear } from '../../onnx/layers/linear.js';
import { layerNorm } from '../../onnx/layers/normalization.js';
import { expandBatch } from '../../onnx/ops/batch.js';
import { add } from '../../onnx/ops/elementwise.js';
import { concat, reshape, slice, transpose } from '../../onnx/ops/layout.js';
import type { Scope } from '../../onnx/scope.js';
import { at, formatShape, sameShape } from '../../onnx/shape.js';
import type { ClipVisionConfig } from './config.js';
import { clipEncoder } from './encoder.js';

export interface ClipVisionOutput {
  /** Before the last norm, [B, 1 + patches, hidden_size]. */
  readonly lastHiddenState: Value;
  /** The projected class token, [B, projection_dim]. */
  readonly imageEmbeds: Value;
}

/** pixelValues [B, num_channels, image_size, image_size], normalised as the checkpoint's preprocessor says. */
export function clipVision(root: Scope, pixelValues: Value, config: ClipVisionConfig): ClipVisionOutput {
  const scope = root.at('vision_model');
  const { hidden_size: width, image_size: size, patch_size: kernel, layer_norm_eps: epsilon } = config;
  const batch = at(pixelValues.shape, 0);
  if (!sameShape(pixelValues.shape, [batch, config.num_channels, size, size])) {
    throw new AidError(
      'invalid-graph',
      `vision_model: expected [B,${config.num_channels},${size},${size}], got ${formatShape(pixelValues.shape)}`,
    );
  }
  const patches = Math.floor(size / kernel) ** 2;
  const embeddings = scope.at('embeddings');
  const grid = conv2d(embeddings.at('patch_embedding'), pixelValues, width, {
    kernel,
    stride: kernel,
    bias: false,
  });
  const patchTokens = transpose(reshape(grid, [batch, width, patches]), [0, 2, 1]);
  const classToken = reshape(embeddings.parameter('class_embedding', [width]), [1, 1, width]);
  const places = embeddings.at('position_embedding').parameter('weight', [1 + patches, width]);
  const tokens = add(concat([expandBatch(classToken, pixelValues), patchTokens], 1), places);
  const lastHiddenState = clipEncoder(
    scope.at('encoder'),
    layerNorm(scope.at('pre_layrnorm'), tokens, epsilon),
    config,
  );
  const pooled = layerNorm(
    scope.at('post_layernorm'),
    reshape(slice(lastHiddenState, 1, 0, 1), [batch, width]),
    epsilon,
  );
  return {
    lastHiddenState,
    imageEmbeds: linear(root.at('visual_projection'), pooled, config.projection_dim, { bias: false }),
  };
}
