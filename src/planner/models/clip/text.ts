/** CLIP's text tower: transformers' CLIPTextModel. */
import type { Value } from '../../onnx/graph.js';
import { embedding } from '../../onnx/layers/embedding.js';
import { layerNorm } from '../../onnx/layers/normalization.js';
import { add } from '../../onnx/ops/elementwise.js';
import { gatherRows, reshape } from '../../onnx/ops/layout.js';
import { argMax, isEqual } from '../../onnx/ops/reduce.js';
import type { Scope } from '../../onnx/scope.js';
import { fixedAt } from '../../onnx/shape.js';
import type { ClipTextConfig } from './config.js';
import { clipEncoder } from './encoder.js';

export interface ClipTextOutput {
  /** [B, L, hidden_size] */
  readonly lastHiddenState: Value;
  /** The hidden state at the end-of-text token, [B, hidden_size]. */
  readonly pooled: Value;
}

/** inputIds [B, L], int64. */
export function clipText(root: Scope, inputIds: Value, config: ClipTextConfig): ClipTextOutput {
  const scope = root.at('text_model');
  const { hidden_size: width, max_position_embeddings: positions } = config;
  const length = fixedAt(inputIds.shape, 1);
  const tokens = embedding(scope.at('embeddings', 'token_embedding'), inputIds, config.vocab_size, width);
  const everyPosition = scope.graph.int64s(Array.from({ length }, (_, i) => i));
  const places = embedding(scope.at('embeddings', 'position_embedding'), everyPosition, positions, width);
  const x = clipEncoder(scope.at('encoder'), add(tokens, places), config, causalMask(scope, length));
  const lastHiddenState = layerNorm(scope.at('final_layer_norm'), x, config.layer_norm_eps);
  // Old checkpoints have a wrong eos_token_id of 2 and pool at the highest token, as transformers does.
  const end = config.eos_token_id === 2 ? argMax(inputIds) : argMax(isEqual(inputIds, config.eos_token_id));
  return { lastHiddenState, pooled: gatherRows(lastHiddenState, end) };
}

/** 0 where a token may look, a large negative number where not: [1, 1, L, L]. */
function causalMask(scope: Scope, length: number): Value {
  const mask = new Float32Array(length * length);
  for (let row = 0; row < length; row++) mask.fill(-1e9, row * length + row + 1, (row + 1) * length);
  return reshape(scope.graph.floats(mask), [1, 1, length, length]);
}
