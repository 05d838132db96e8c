import { AidError } from '../../errors.js';
import type { Value } from '../graph.js';
import { add, multiply } from '../ops/elementwise.js';
import { reshape } from '../ops/layout.js';
import { layerNormalization, standardizeRows } from '../ops/normalization.js';
import type { Scope } from '../scope.js';
import { at, fixedAt } from '../shape.js';

/** torch.nn.LayerNorm over the last dimension. */
export function layerNorm(scope: Scope, x: Value, epsilon = 1e-5): Value {
  const width = fixedAt(x.shape, -1);
  return layerNormalization(x, scope.parameter('weight', [width]), scope.parameter('bias', [width]), epsilon)
    .output;
}

/** torch.nn.GroupNorm on x [N, C, ...]. */
export function groupNorm(
  scope: Scope,
  x: Value,
  { groups, epsilon }: { readonly groups: number; readonly epsilon: number },
): Value {
  const channels = fixedAt(x.shape, 1);
  if (channels % groups !== 0) {
    throw new AidError(
      'invalid-config',
      `${scope.path}: expected a multiple of ${groups} channels, got ${channels}`,
    );
  }
  const space = x.shape.slice(2);
  const positions = space.reduce<number>((size, _, i) => size * fixedAt(x.shape, i + 2), 1);
  const rows = reshape(x, [at(x.shape, 0), groups, (channels / groups) * positions]);
  const normalized = reshape(standardizeRows(rows, epsilon), x.shape);
  const perChannel = [channels, ...space.map(() => 1)];
  const weight = reshape(scope.parameter('weight', [channels]), perChannel);
  const bias = reshape(scope.parameter('bias', [channels]), perChannel);
  return add(multiply(normalized, weight), bias);
}
