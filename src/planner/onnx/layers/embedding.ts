import type { Value } from '../graph.js';
import { cos, multiply, sin } from '../ops/elementwise.js';
import { concat, gather, reshape } from '../ops/layout.js';
import type { Scope } from '../scope.js';
import { at } from '../shape.js';

/** torch.nn.Embedding: rows of a table by index. */
export function embedding(scope: Scope, indices: Value, count: number, width: number): Value {
  return gather(scope.parameter('weight', [count, width]), indices);
}

/**
 * Sinusoidal features of positions [N], cosines first: [N, width]. diffusers' `Timesteps` with
 * `flip_sin_to_cos` and `downscale_freq_shift` 0.
 */
export function sinusoidalEmbedding(positions: Value, width: number): Value {
  const half = width / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => Math.exp((-Math.log(10_000) * i) / half));
  const angles = multiply(
    reshape(positions, [at(positions.shape, 0), 1]),
    positions.graph.floats(frequencies, [1, half]),
  );
  return concat([cos(angles), sin(angles)], 1);
}
