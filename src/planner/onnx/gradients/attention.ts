import type { Float } from '../graph.js';
import { softmax } from '../ops/activation.js';
import { joinHeads, splitHeads } from '../ops/attention.js';
import { add, multiply, subtract } from '../ops/elementwise.js';
import { transpose } from '../ops/layout.js';
import { matMul } from '../ops/product.js';
import { sum } from '../ops/reduce.js';
import type { GradientRules } from './rule.js';

export const attentionRules: GradientRules = {
  /** The scores are computed again: they are the largest tensors, and nothing of them was kept. */
  'com.microsoft:MultiHeadAttention': ({ node, gradient, input, wants }) => {
    const heads = node.attributes['num_heads'] as number;
    const scale = (node.attributes['scale'] as Float).value;
    const query = multiply(splitHeads(input(0), heads), scale); // [B, heads, Lq, d]
    const keyTransposed = splitHeads(input(1), heads, true); // [B, heads, d, Lk]
    const bias = node.inputs[5];
    const logits = matMul(query, keyTransposed);
    const weights = softmax(bias === undefined || bias === null ? logits : add(logits, bias));
    const outer = splitHeads(gradient, heads);
    const gradientOfWeights = matMul(outer, splitHeads(input(2), heads, true));
    const weighted = multiply(gradientOfWeights, weights);
    const gradientOfLogits = subtract(weighted, multiply(weights, sum(weighted, [-1], { keepDims: true })));
    return [
      wants(0)
        ? multiply(joinHeads(matMul(gradientOfLogits, transpose(keyTransposed, [0, 1, 3, 2]))), scale)
        : undefined,
      wants(1) ? joinHeads(matMul(transpose(gradientOfLogits, [0, 1, 3, 2]), query)) : undefined,
      wants(2) ? joinHeads(matMul(transpose(weights, [0, 1, 3, 2]), outer)) : undefined,
      undefined,
      undefined,
      undefined,
    ];
  },
};
