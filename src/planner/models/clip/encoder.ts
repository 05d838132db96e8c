/** The transformer that CLIP's two towers share. */
import type { Value } from '../../onnx/graph.js';
import { linear } from '../../onnx/layers/linear.js';
import { layerNorm } from '../../onnx/layers/normalization.js';
import { gelu, quickGelu } from '../../onnx/ops/activation.js';
import { attention } from '../../onnx/ops/attention.js';
import { add } from '../../onnx/ops/elementwise.js';
import type { Scope } from '../../onnx/scope.js';
import { checkHeads } from '../attention.js';

export interface ClipEncoderConfig {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly hidden_act: 'gelu' | 'quick_gelu';
  readonly layer_norm_eps: number;
}

/** [B, L, hidden_size] -> [B, L, hidden_size]; `mask` is added to the attention scores. */
export function clipEncoder(scope: Scope, embeddings: Value, config: ClipEncoderConfig, mask?: Value): Value {
  const { hidden_size: width, num_attention_heads: heads, layer_norm_eps: epsilon } = config;
  const activation = config.hidden_act === 'gelu' ? gelu : quickGelu;
  let x = embeddings;
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const block = scope.at('layers', layer);
    const attn = block.at('self_attn');
    checkHeads(attn, width, heads);
    const n = layerNorm(block.at('layer_norm1'), x, epsilon);
    const [query, key, value] = [
      linear(attn.at('q_proj'), n, width),
      linear(attn.at('k_proj'), n, width),
      linear(attn.at('v_proj'), n, width),
    ];
    const options = mask === undefined ? { heads } : { heads, bias: mask };
    x = add(x, linear(attn.at('out_proj'), attention(query, key, value, options), width));
    const hidden = linear(
      block.at('mlp', 'fc1'),
      layerNorm(block.at('layer_norm2'), x, epsilon),
      config.intermediate_size,
    );
    x = add(x, linear(block.at('mlp', 'fc2'), activation(hidden), width));
  }
  return x;
}
