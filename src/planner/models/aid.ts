/**
 * AID as one network (arXiv 2406.06465, Fig. 2): CLIP's towers and DQFormer make the condition tokens, the
 * adapted UNet denoises under them. The parts' keys are prefixed by their component.
 */
import type { Value } from '../onnx/graph.js';
import { multiply } from '../onnx/ops/elementwise.js';
import { reshape, slice } from '../onnx/ops/layout.js';
import type { Scope } from '../onnx/scope.js';
import { at, fixedAt, times } from '../onnx/shape.js';
import { type AidConfig, dqFormerConfigOf } from './aid-config.js';
import type { ClipTextConfig, ClipVisionConfig } from './clip/config.js';
import { clipText } from './clip/text.js';
import { clipVision } from './clip/vision.js';
import { dqFormer } from './dqformer.js';

/** Names of the components, as folders and as key prefixes. */
export const COMPONENTS = {
  imageEncoder: 'image_encoder',
  textEncoder: 'text_encoder',
  unet: 'unet',
  vae: 'vae',
  dqformer: 'dqformer',
} as const;

/** What AID trains and stores in `aid/`, by its key in a graph: DQFormer, the adapters, every `attn2`. */
export const ADAPTED_KEYS = /^dqformer\.|^unet\..*(_adapter\.|\.attn2\.)/;

export interface ConditionInputs {
  /** Token ids of each clip's instruction and, after it, of its S state texts, [B, 1 + S, L], int64. */
  readonly textIds: Value;
  /** First frame as CLIP sees it, [B, 3, S, S]. */
  readonly clipPixels: Value;
  /** 1 where the frame is given and 0 where it is dropped for guidance, [B]. */
  readonly frameGiven: Value;
}

/** The condition tokens of every frame, [B, F, N, D]. */
export function conditionTokens(
  root: Scope,
  { textIds, clipPixels, frameGiven }: ConditionInputs,
  config: AidConfig,
  text: ClipTextConfig,
  vision: ClipVisionConfig,
): Value {
  const [batch, texts, length] = [at(textIds.shape, 0), fixedAt(textIds.shape, 1), fixedAt(textIds.shape, 2)];
  const ids = reshape(textIds, [times(batch, texts), length]);
  const hidden = clipText(root.at(COMPONENTS.textEncoder), ids, text).lastHiddenState;
  const perClip = reshape(hidden, [batch, texts * length, text.hidden_size]);
  return dqFormer(
    root.at(COMPONENTS.dqformer),
    {
      instructionEmbeds: slice(perClip, 1, 0, length),
      stateEmbeds: slice(perClip, 1, length, texts * length),
      visualEmbeds: visualTokens(root, clipPixels, frameGiven, vision),
    },
    dqFormerConfigOf(config),
  );
}

/** CLIP's last hidden state of the frame, zeros where it is dropped: [B, V, hidden_size]. */
function visualTokens(root: Scope, clipPixels: Value, frameGiven: Value, vision: ClipVisionConfig): Value {
  const { lastHiddenState } = clipVision(root.at(COMPONENTS.imageEncoder), clipPixels, vision);
  return multiply(lastHiddenState, reshape(frameGiven, [at(clipPixels.shape, 0), 1, 1]));
}

/** The condition of SVD itself, before AID: the frame's one projected embedding, [B, 1, D]. */
export function svdConditionTokens(
  root: Scope,
  clipPixels: Value,
  frameGiven: Value,
  vision: ClipVisionConfig,
): Value {
  const { imageEmbeds } = clipVision(root.at(COMPONENTS.imageEncoder), clipPixels, vision);
  const batch = at(clipPixels.shape, 0);
  return multiply(
    reshape(imageEmbeds, [batch, 1, vision.projection_dim]),
    reshape(frameGiven, [batch, 1, 1]),
  );
}
