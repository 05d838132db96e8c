/** Scaled dot-product attention, fused. */
import { AidError } from '../../errors.js';
import { Float, only, type Value } from '../graph.js';
import { at, fixedAt, formatShape, sameDim } from '../shape.js';

export interface AttentionOptions {
  readonly heads: number;
  /** Added to the scores before softmax, broadcast to [B, heads, Lq, Lk]. */
  readonly bias?: Value;
}

/**
 * softmax(q k^T / sqrt(d_head) + bias) v over `heads` heads.
 * query [B, Lq, D], key [B, Lk, D], value [B, Lk, D] -> [B, Lq, D].
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
