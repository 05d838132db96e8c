/** The largest or the mean of the numbers in a window that moves over the space of x [N, C, ...space]. */
import { AidError } from '../../errors.js';
import { type Attributes, only, type Value } from '../graph.js';
import { at, type Dim, fixedAt, formatShape } from '../shape.js';

export interface PoolOptions {
  /** A number for each dimension of space, here and below. */
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** Added before and after, [before..., after...]; the largest and the mean leave it out. */
  readonly padding?: readonly number[];
}

export const maxPool = (x: Value, options: PoolOptions): Value => pool('MaxPool', x, options, {});

/** The mean of what lies inside: padding does not count. */
export const averagePool = (x: Value, options: PoolOptions): Value =>
  pool('AveragePool', x, options, { count_include_pad: 0 });

function pool(operator: string, x: Value, options: PoolOptions, more: Attributes): Value {
  const { kernel, stride, padding = kernel.flatMap(() => [0, 0]) } = options;
  const rank = kernel.length;
  if (x.shape.length !== rank + 2)
    throw new AidError(
      'invalid-graph',
      `${operator}: ${rank} dimensions of space, got ${formatShape(x.shape)}`,
    );
  const space: Dim[] = kernel.map((size, i) => {
    const length = fixedAt(x.shape, i + 2) + (padding[i] as number) + (padding[i + rank] as number);
    if (length < size)
      throw new AidError(
        'invalid-graph',
        `${operator}: ${formatShape(x.shape)} is smaller than ${kernel.join('x')}`,
      );
    return Math.floor((length - size) / (stride[i] as number)) + 1;
  });
  const shape = [at(x.shape, 0), at(x.shape, 1), ...space];
  const attributes = { kernel_shape: kernel, strides: stride, pads: padding, ...more };
  return only(x.graph.node(operator, [x], [{ dataType: x.dataType, shape }], attributes));
}
