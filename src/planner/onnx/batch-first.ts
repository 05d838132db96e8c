/** Graphs as inference servers batch them. */
import type { Graph, Value } from './graph.js';
import { reshape } from './ops/layout.js';
import { rewrite } from './rewrite.js';
import { BATCH, type Shape } from './shape.js';

/**
 * The same graph with the batch as a dimension of its own, the first, in every input and output: [B * 14, C, h, w]
 * becomes [B, 14, C, h, w], [B] becomes [B, 1]. The numbers lie in memory as before. A server may then put requests
 * of several clients together along that dimension: no row of a batch sees another.
 */
export function batchFirst(graph: Graph): Graph {
  return rewrite(graph, {
    input: (copy, { name, dataType, shape }) => {
      const value = copy.input(name, dataType, batchFirstShape(shape));
      return sameRank(value.shape, shape) ? value : reshape(value, shape);
    },
    output: (value: Value) => {
      const shape = batchFirstShape(value.shape);
      return sameRank(shape, value.shape) ? value : reshape(value, shape);
    },
  });
}

export function batchFirstShape(shape: Shape): Shape {
  const [rows, ...rest] = shape;
  if (rows === undefined || typeof rows === 'number') return shape;
  if (rows.batch === 1) return rest.length === 0 ? [BATCH, 1] : shape;
  return [BATCH, rows.batch, ...rest];
}

/** The batch that tensors of these dimensions have in a graph of this shape; undefined where they do not fit. */
export function batchOf(shape: Shape, dims: readonly number[]): number | undefined {
  if (shape.length !== dims.length) return undefined;
  let batch: number | undefined;
  for (const [index, dim] of shape.entries()) {
    const size = dims[index] as number;
    const count = typeof dim === 'number' ? undefined : size / dim.batch;
    if (count === undefined ? size !== dim : !Number.isInteger(count)) return undefined;
    batch ??= count;
  }
  return batch ?? 1;
}

const sameRank = (a: Shape, b: Shape): boolean => a.length === b.length;
