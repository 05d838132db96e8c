/** Sums and means over dimensions, and comparisons that CLIP's pooling needs. */
import { only, type Value } from '../graph.js';
import type { Dim, Shape } from '../shape.js';

function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): Shape {
  const positive = new Set(axes.map((axis) => (axis < 0 ? axis + shape.length : axis)));
  const kept: Dim[] = [];
  shape.forEach((dim, i) => {
    if (!positive.has(i)) kept.push(dim);
    else if (keepDims) kept.push(1);
  });
  return kept;
}

function reduce(operator: string, x: Value, axes: readonly number[], keepDims: boolean): Value {
  if (axes.length === 0) return x;
  const shape = reducedShape(x.shape, axes, keepDims);
  return only(
    x.graph.node(operator, [x, x.graph.int64s(axes)], [{ dataType: x.dataType, shape }], {
      keepdims: keepDims ? 1 : 0,
    }),
  );
}

export const sum = (x: Value, axes: readonly number[], { keepDims = false } = {}): Value =>
  reduce('ReduceSum', x, axes, keepDims);
export const mean = (x: Value, axes: readonly number[], { keepDims = false } = {}): Value =>
  reduce('ReduceMean', x, axes, keepDims);

/** Index of the largest element of each row (the first one on a tie): [..., L] -> [...]. */
export function argMax(x: Value): Value {
  const shape = x.shape.slice(0, -1);
  return only(x.graph.node('ArgMax', [x], [{ dataType: 'int64', shape }], { axis: -1, keepdims: 0 }));
}

/** 1 where an integer element equals `value`, else 0. */
export function isEqual(x: Value, value: number): Value {
  const other = x.graph.int64s([value]);
  const equal = only(x.graph.node('Equal', [x, other], [{ dataType: 'bool', shape: x.shape }]));
  return only(x.graph.node('Cast', [equal], [{ dataType: 'int32', shape: x.shape }], { to: 6 }));
}
