/** Where the cross-attentions (`attn2`) of the UNet get their keys and values. */
import { AidError } from '../../errors.js';
import type { Value } from '../../onnx/graph.js';
import { reshape, slice } from '../../onnx/ops/layout.js';
import type { Scope } from '../../onnx/scope.js';
import { at, type Dim, fixedAt, formatShape, times } from '../../onnx/shape.js';
import { type KeysAndValues, keysAndValues } from '../attention.js';

/** `spatial` attention runs frame by frame, `temporal` attention once for the clip. */
export type CrossAttentionKind = 'spatial' | 'temporal';

export interface Condition {
  /** Keys and values of the attention at `scope`, `width` wide; see `conditionBatch` for their batch. */
  keysAndValues(scope: Scope, kind: CrossAttentionKind, width: number): KeysAndValues;
  /** Whether every frame has tokens of its own. */
  readonly perFrame: boolean;
}

/**
 * Condition tokens: [B, F, N, D], a set for every frame, or [B, N, D], one set for the clip as SVD has it.
 * The temporal attention sees the first frame's, as in diffusers.
 */
export function tokensCondition(tokens: Value): Condition {
  const perFrame = tokens.shape.length === 4;
  if (!perFrame && tokens.shape.length !== 3) {
    throw new AidError(
      'invalid-graph',
      `condition tokens: expected [B,F,N,D] or [B,N,D], got ${formatShape(tokens.shape)}`,
    );
  }
  const [count, width] = [fixedAt(tokens.shape, -2), fixedAt(tokens.shape, -1)];
  const batch = at(tokens.shape, 0);
  const spatial = perFrame ? reshape(tokens, [times(batch, fixedAt(tokens.shape, 1)), count, width]) : tokens;
  const temporal = perFrame ? reshape(slice(tokens, 1, 0, 1), [batch, count, width]) : tokens;
  return {
    perFrame,
    keysAndValues: (scope, kind, queryWidth) =>
      keysAndValues(scope, kind === 'spatial' ? spatial : temporal, queryWidth),
  };
}

/** Keys and values computed once per clip by another graph and given at every step, inputs named by module path. */
export function precomputedCondition(batch: Dim, numFrames: number, tokenCount: number): Condition {
  return {
    perFrame: true,
    keysAndValues: ({ graph, path }, kind, width) => {
      const rows = kind === 'spatial' ? times(batch, numFrames) : batch;
      return {
        key: graph.input(`${path}.key`, 'float32', [rows, tokenCount, width]),
        value: graph.input(`${path}.value`, 'float32', [rows, tokenCount, width]),
      };
    },
  };
}

/** Passes a condition on and remembers every key and value under the names that `precomputedCondition` asks for. */
export function recordingCondition(inner: Condition): {
  readonly condition: Condition;
  readonly recorded: ReadonlyMap<string, Value>;
} {
  const recorded = new Map<string, Value>();
  const condition: Condition = {
    perFrame: inner.perFrame,
    keysAndValues: (scope, kind, width) => {
      const found = inner.keysAndValues(scope, kind, width);
      recorded.set(`${scope.path}.key`, found.key);
      recorded.set(`${scope.path}.value`, found.value);
      return found;
    },
  };
  return { condition, recorded };
}
