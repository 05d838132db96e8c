/** Scaled dot-product attention. */
import { AidError } from '../../errors.js';
import { Float, only, type Value } from '../graph.js';
import { at, fixedAt, formatShape, sameDim } from '../shape.js';
import { softmax } from './activation.js';
import { add, multiply } from './elementwise.js';
import { reshape, transpose } from './layout.js';
import { matMul } from './product.js';

export interface AttentionOptions {
  readonly heads: number;
  /** Added to the scores before softmax, broadcast to [B, heads, Lq, Lk]. */
  readonly bias?: Value;
}

/**
 * softmax(q k^T / sqrt(d_head) + bias) v over `heads` heads.
 * query [B, Lq, D], key [B, Lk, D], value [B, Lk, D] -> [B, Lq, D]. One fused operator.
 */
export function attention(query: Value, key: Value, value: Value, { heads, bias }: AttentionOptions): Value {
  const width = fixedAt(query.shape, 2);
  const fits =
    width % heads === 0 &&
    fixedAt(key.shape, 2) === width &&
    sameDim(at(query.shape, 0), at(key.shape, 0)) &&
    sameDim(at(key.shape, 1), at(value.shape, 1));
  if (!fits) {
    const shapes = [query, key, value].map(({ shape }) => formatShape(shape)).join(', ');
    throw new AidError('invalid-graph', `attention with ${heads} heads: query, key, value are ${shapes}`);
  }
  const attributes = { num_heads: heads, scale: new Float(1 / Math.sqrt(width / heads)) };
  const inputs = bias === undefined ? [query, key, value] : [query, key, value, null, null, bias];
  return only(
    query.graph.node(
      'MultiHeadAttention',
      inputs,
      [{ dataType: query.dataType, shape: query.shape }],
      attributes,
      'com.microsoft',
    ),
  );
}

/** The same from operators that every engine has; the scores are held in memory, [B, heads, Lq, Lk]. */
export function unfusedAttention(
  query: Value,
  key: Value,
  value: Value,
  { heads, bias, scale }: AttentionOptions & { readonly scale: number },
): Value {
  const scores = matMul(multiply(splitHeads(query, heads), scale), splitHeads(key, heads, true));
  const weights = softmax(bias === undefined ? scores : add(scores, bias));
  return joinHeads(matMul(weights, splitHeads(value, heads)));
}

/** [B, L, D] -> [B, heads, L, d], or [B, heads, d, L] transposed. */
export function splitHeads(x: Value, heads: number, transposed = false): Value {
  const [batch, length, width] = [at(x.shape, 0), at(x.shape, 1), fixedAt(x.shape, 2)];
  return transpose(
    reshape(x, [batch, length, heads, width / heads]),
    transposed ? [0, 2, 3, 1] : [0, 2, 1, 3],
  );
}

/** [B, heads, L, d] -> [B, L, D] */
export function joinHeads(x: Value): Value {
  const [batch, heads, length, width] = [
    at(x.shape, 0),
    fixedAt(x.shape, 1),
    at(x.shape, 2),
    fixedAt(x.shape, 3),
  ];
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, length, heads * width]);
}
