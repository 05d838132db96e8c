/** Operators that move numbers and change none. */
import { AidError } from '../../errors.js';
import { only, type Value } from '../graph.js';
import {
  at,
  broadcast,
  type Dim,
  fixedAt,
  formatShape,
  type Shape,
  sameDim,
  sameShape,
  sizeOf,
} from '../shape.js';

export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  if (!sameDim(sizeOf(x.shape), sizeOf(shape))) {
    throw new AidError('invalid-graph', `cannot reshape ${formatShape(x.shape)} to ${formatShape(shape)}`);
  }
  const target = x.graph.int64s(shape.map((dim) => (typeof dim === 'number' ? dim : -1)));
  return only(x.graph.node('Reshape', [x, target], [{ dataType: x.dataType, shape }]));
}

export function transpose(x: Value, permutation: readonly number[]): Value {
  if (permutation.every((axis, i) => axis === i)) return x;
  const shape = permutation.map((axis) => at(x.shape, axis));
  return only(x.graph.node('Transpose', [x], [{ dataType: x.dataType, shape }], { perm: permutation }));
}

export function concat(parts: readonly Value[], axis: number): Value {
  const [first] = parts;
  if (first === undefined) throw new AidError('invalid-graph', 'concat: expected at least one part');
  if (parts.length === 1) return first;
  const positive = axis < 0 ? axis + first.shape.length : axis;
  const total = parts.reduce((sum, part) => sum + fixedAt(part.shape, positive), 0);
  for (const part of parts) {
    const fits =
      part.shape.length === first.shape.length &&
      part.shape.every((dim, i) => i === positive || sameDim(dim, at(first.shape, i)));
    if (!fits)
      throw new AidError(
        'invalid-graph',
        `concat on ${positive}: ${formatShape(first.shape)} and ${formatShape(part.shape)}`,
      );
  }
  const shape = first.shape.map((dim, i) => (i === positive ? total : dim));
  return only(first.graph.node('Concat', parts, [{ dataType: first.dataType, shape }], { axis: positive }));
}

/** Elements [start, end) along one axis. */
export function slice(x: Value, axis: number, start: number, end: number, step = 1): Value {
  const positive = axis < 0 ? axis + x.shape.length : axis;
  const length = fixedAt(x.shape, positive);
  if (start < 0 || end > length || end <= start) {
    throw new AidError(
      'invalid-graph',
      `slice ${start}..${end} of dimension ${positive} of ${formatShape(x.shape)}`,
    );
  }
  if (start === 0 && end === length && step === 1) return x;
  const { graph } = x;
  const shape = x.shape.map((dim, i) => (i === positive ? Math.ceil((end - start) / step) : dim));
  const inputs = [
    x,
    graph.int64s([start]),
    graph.int64s([end]),
    graph.int64s([positive]),
    graph.int64s([step]),
  ];
  return only(graph.node('Slice', inputs, [{ dataType: x.dataType, shape }]));
}

/** The elements along one axis in the opposite order. */
export function reversed(x: Value, axis: number): Value {
  const { graph } = x;
  const length = fixedAt(x.shape, axis);
  const inputs = [-1, -length - 1, axis, -1].map((number) => graph.int64s([number]));
  return only(graph.node('Slice', [x, ...inputs], [{ dataType: x.dataType, shape: x.shape }]));
}

/** Parts of the given sizes along one axis. */
export function split(x: Value, axis: number, sizes: readonly number[]): Value[] {
  if (sizes.length === 1) return [x];
  const positive = axis < 0 ? axis + x.shape.length : axis;
  const outputs = sizes.map((size) => ({
    dataType: x.dataType,
    shape: x.shape.map((dim, i) => (i === positive ? size : dim)),
  }));
  return x.graph.node('Split', [x, x.graph.int64s(sizes)], outputs, { axis: positive });
}

/** Repeats dimensions of length 1. The target must not depend on the batch unless x already does there. */
export function expand(x: Value, shape: Shape): Value {
  const target = broadcast(x.shape, shape);
  if (sameShape(x.shape, target)) return x;
  const sizes = target.map((dim, i) => {
    if (typeof dim === 'number') return dim;
    const own = x.shape[i - target.length + x.shape.length];
    if (own !== undefined && sameDim(own, dim)) return 1;
    throw new AidError(
      'invalid-graph',
      `cannot expand ${formatShape(x.shape)} to ${formatShape(shape)} at any batch`,
    );
  });
  return only(x.graph.node('Expand', [x, x.graph.int64s(sizes)], [{ dataType: x.dataType, shape: target }]));
}

/** Zeros before and after along chosen axes: `{ 2: [1, 1] }`. */
export function pad(x: Value, amounts: Readonly<Record<number, readonly [number, number]>>): Value {
  const before = x.shape.map((_, i) => amounts[i]?.[0] ?? 0);
  const after = x.shape.map((_, i) => amounts[i]?.[1] ?? 0);
  if ([...before, ...after].every((n) => n === 0)) return x;
  const shape: Dim[] = x.shape.map((dim, i) => {
    const extra = (before[i] ?? 0) + (after[i] ?? 0);
    return extra === 0 ? dim : fixedAt(x.shape, i) + extra;
  });
  return only(
    x.graph.node('Pad', [x, x.graph.int64s([...before, ...after])], [{ dataType: x.dataType, shape }]),
  );
}

/** Rows of a table [rows, width] by index: [...indices, width]. */
export function gather(table: Value, indices: Value): Value {
  const shape = [...indices.shape, ...table.shape.slice(1)];
  return only(
    table.graph.node('Gather', [table, indices], [{ dataType: table.dataType, shape }], { axis: 0 }),
  );
}

/** One element per row of x [B, L, D] at indices [B]: [B, D]. */
export function gatherRows(x: Value, indices: Value): Value {
  const [batch, , width] = x.shape;
  if (batch === undefined || width === undefined)
    throw new AidError('invalid-graph', 'gatherRows: expected [B,L,D]');
  const index = reshape(indices, [batch, 1]);
  return only(
    x.graph.node('GatherND', [x, index], [{ dataType: x.dataType, shape: [batch, width] }], {
      batch_dims: 1,
    }),
  );
}

/** Nearest-neighbour resize of [N, C, H, W], as torch's `interpolate(mode='nearest')`. */
export function resizeNearest(x: Value, height: number, width: number): Value {
  const [n, c, h, w] = x.shape;
  if (n === undefined || c === undefined) throw new AidError('invalid-graph', 'resize: expected [N,C,H,W]');
  if (h === height && w === width) return x;
  const outputs = [{ dataType: x.dataType, shape: [n, c, height, width] }];
  const attributes = {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  };
  const [scaleY, scaleX] = [height / fixedAt(x.shape, 2), width / fixedAt(x.shape, 3)];
  if (Number.isInteger(scaleY) && Number.isInteger(scaleX)) {
    const scales = x.graph.floats(Float32Array.of(1, 1, scaleY, scaleX));
    return only(x.graph.node('Resize', [x, null, scales], outputs, attributes));
  }
  const sizes = x.graph.int64s([height, width]);
  return only(x.graph.node('Resize', [x, null, null, sizes], outputs, { ...attributes, axes: [2, 3] }));
}
