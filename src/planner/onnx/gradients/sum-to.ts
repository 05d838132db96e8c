import type { Value } from '../graph.js';
import { reshape } from '../ops/layout.js';
import { sum } from '../ops/reduce.js';
import { type Shape, sameShape } from '../shape.js';

/** Undoes broadcasting: sums a gradient over the dimensions that `shape` lacks or has as 1. */
export function sumTo(gradient: Value, shape: Shape): Value {
  if (sameShape(gradient.shape, shape)) return gradient;
  const extra = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((dim, i) =>
    i < extra || (shape[i - extra] === 1 && dim !== 1) ? [i] : [],
  );
  return reshape(sum(gradient, axes), shape);
}
