/**
 * DQFormer, the dual query transformer (arXiv 2406.06465, sec. 3.3, Eqs. 1-4): turns the instruction, the
 * first frame and the state texts into condition tokens for every frame.
 */
import { AidError } from '../errors.js';
import type { Value } from '../onnx/graph.js';
import { linear } from '../onnx/layers/linear.js';
import { layerNorm } from '../onnx/layers/normalization.js';
import { gelu } from '../onnx/ops/activation.js';
import { expandBatch } from '../onnx/ops/batch.js';
import { add } from '../onnx/ops/elementwise.js';
import { concat, expand, reshape } from '../onnx/ops/layout.js';
import type { Scope } from '../onnx/scope.js';
import { at, fixedAt } from '../onnx/shape.js';
import { crossAttention, selfAttention } from './attention.js';

export interface DqFormerConfig {
  /** Width D of the condition tokens. */
  readonly dim: number;
  readonly heads: number;
  readonly numLayers: number;
  readonly numFrames: number;
  /** Queries Q of each frame. */
  readonly numQueries: number;
  readonly textDim: number;
  readonly visionDim: number;
  /**
   * What reaches the UNet, the paper's Table 2: `mcondition` both embeddings, `multimodal` only ME
   * ("w/o DE"), `decomposed` only DE ("w/o ME"), `text` the projected instruction alone ("w/o MCondition").
   */
  readonly output: 'mcondition' | 'multimodal' | 'decomposed' | 'text';
  /** Whether the frame branch looks at the state texts; false is the paper's "w/o states". */
  readonly states: boolean;
}

export interface DqFormerInputs {
  /** CLIP's last hidden states of the instruction, [B, L, textDim]. */
  readonly instructionEmbeds: Value;
  /** CLIP's last hidden states of the first frame, [B, V, visionDim]. */
  readonly visualEmbeds: Value;
  /** CLIP's last hidden states of the S state texts side by side, [B, S * L, textDim]. */
  readonly stateEmbeds: Value;
}

/** MCondition: the condition tokens of every frame, [B, F, N, dim]; ME's tokens first, then DE's. */
export function dqFormer(scope: Scope, inputs: DqFormerInputs, config: DqFormerConfig): Value {
  const { dim, numFrames, output } = config;
  const text = linear(scope.at('text_proj'), inputs.instructionEmbeds, dim);
  const parts: Value[] = [];
  if (output === 'text') parts.push(forEveryFrame(text, numFrames));
  if (output === 'mcondition' || output === 'multimodal') {
    parts.push(forEveryFrame(instructionBranch(scope, text, inputs.visualEmbeds, config), numFrames));
  }
  if (output === 'mcondition' || output === 'decomposed') {
    parts.push(frameBranch(scope, text, inputs.stateEmbeds, config));
  }
  return concat(parts, 2);
}

/** Eqs. 1-2: the instruction's tokens look at the frame. -> ME [B, L, dim] */
function instructionBranch(
  scope: Scope,
  text: Value,
  visualEmbeds: Value,
  { dim, heads, numLayers }: DqFormerConfig,
): Value {
  const visual = linear(scope.at('visual_proj'), visualEmbeds, dim);
  let x = text;
  for (let layer = 0; layer < numLayers; layer++) {
    const block = scope.at('instruction_branch', layer);
    x = add(x, selfAttention(block.at('self_attn'), layerNorm(block.at('norm1'), x), { heads }));
    x = add(x, crossAttention(block.at('visual_attn'), layerNorm(block.at('norm2'), x), visual, { heads }));
    x = add(x, feedForward(block.at('ff'), layerNorm(block.at('norm3'), x)));
  }
  return x;
}

/** Eqs. 3-4: learned queries of every frame look at the instruction and the states. -> DE [B, F, Q, dim] */
function frameBranch(
  scope: Scope,
  text: Value,
  stateEmbeds: Value,
  { dim, heads, numLayers, numFrames, numQueries, states }: DqFormerConfig,
): Value {
  const queries = scope.parameter('queries', [numFrames * numQueries, dim]);
  const state = states ? linear(scope.at('text_proj'), stateEmbeds, dim) : undefined;
  let q = expandBatch(reshape(queries, [1, numFrames * numQueries, dim]), text);
  for (let layer = 0; layer < numLayers; layer++) {
    const block = scope.at('frame_branch', layer);
    q = add(q, selfAttention(block.at('self_attn'), layerNorm(block.at('norm1'), q), { heads }));
    q = add(
      q,
      crossAttention(block.at('instruction_attn'), layerNorm(block.at('norm2'), q), text, { heads }),
    );
    if (state !== undefined) {
      q = add(q, crossAttention(block.at('state_attn'), layerNorm(block.at('norm3'), q), state, { heads }));
    }
    q = add(q, feedForward(block.at('ff'), layerNorm(block.at('norm4'), q)));
  }
  return reshape(q, [at(q.shape, 0), numFrames, numQueries, dim]);
}

function feedForward(scope: Scope, x: Value): Value {
  const width = fixedAt(x.shape, -1);
  return linear(scope.at('proj_out'), gelu(linear(scope.at('proj_in'), x, 4 * width)), width);
}

/** [B, N, D] -> [B, F, N, D] */
function forEveryFrame(tokens: Value, numFrames: number): Value {
  const [batch, count, width] = tokens.shape;
  if (batch === undefined || count === undefined || width === undefined) {
    throw new AidError('invalid-graph', 'condition tokens: expected [B,N,D]');
  }
  return expand(reshape(tokens, [batch, 1, count, width]), [batch, numFrames, count, width]);
}
