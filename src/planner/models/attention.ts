/** diffusers' `Attention` without norms: `to_q`, `to_k`, `to_v` and `to_out.0`. */
import { AidError } from '../errors.js';
import type { Value } from '../onnx/graph.js';
import { linear } from '../onnx/layers/linear.js';
import { attention } from '../onnx/ops/attention.js';
import type { Scope } from '../onnx/scope.js';
import { fixedAt } from '../onnx/shape.js';

export interface KeysAndValues {
  /** [B, N, width] */
  readonly key: Value;
  /** [B, N, width] */
  readonly value: Value;
}

/** Keys and values of tokens [B, N, D], for queries `width` wide. */
export function keysAndValues(
  scope: Scope,
  tokens: Value,
  width: number,
  { bias = false } = {},
): KeysAndValues {
  return {
    key: linear(scope.at('to_k'), tokens, width, { bias }),
    value: linear(scope.at('to_v'), tokens, width, { bias }),
  };
}

/** Attention of x [B, L, width] over given keys and values; [B, 1, width] over a single one, as it is the same for all. */
export function attendTo(
  scope: Scope,
  x: Value,
  { key, value }: KeysAndValues,
  { heads, bias = false }: { readonly heads: number; readonly bias?: boolean },
): Value {
  const width = fixedAt(x.shape, 2);
  checkHeads(scope, width, heads);
  const query = linear(scope.at('to_q'), x, width, { bias });
  // The weights of a single key are 1: nobody needs the queries.
  const attended = fixedAt(key.shape, 1) === 1 ? value : attention(query, key, value, { heads });
  return linear(scope.at('to_out', 0), attended, width);
}

/** Attention of x [B, L, width] over itself, or over tokens [B, N, D]. */
export function crossAttention(
  scope: Scope,
  x: Value,
  tokens: Value,
  options: { readonly heads: number; readonly bias?: boolean },
): Value {
  return attendTo(scope, x, keysAndValues(scope, tokens, fixedAt(x.shape, 2), options), options);
}

export const selfAttention = (
  scope: Scope,
  x: Value,
  options: { readonly heads: number; readonly bias?: boolean },
): Value => crossAttention(scope, x, x, options);

/** Errors: `invalid-config`. */
export function checkHeads(scope: Scope, width: number, heads: number): void {
  if (width % heads === 0) return;
  throw new AidError(
    'invalid-config',
    `${scope.path}: expected heads that divide its width of ${width}, got ${heads}`,
  );
}
