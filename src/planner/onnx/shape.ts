/**
 * Shapes of graph values. Every dimension is known when the graph is built, but for the batch: a dimension
 * is a number, or a multiple of the batch that is only known when the graph runs.
 */
import { AidError } from '../errors.js';

/** `multiple` times the batch: 14 for a tensor of [batch * 14 frames, ...]. */
export interface BatchDim {
  readonly batch: number;
}

export type Dim = number | BatchDim;
export type Shape = readonly Dim[];

/** The batch dimension of a graph that runs at any batch size. */
export const BATCH: Dim = { batch: 1 };

export function times(a: Dim, b: Dim): Dim {
  if (typeof a === 'number') return typeof b === 'number' ? a * b : { batch: a * b.batch };
  if (typeof b === 'number') return { batch: a.batch * b };
  throw new AidError(
    'invalid-graph',
    `a shape may hold the batch once, got ${formatDim(a)} * ${formatDim(b)}`,
  );
}

/** a / b, exact. */
export function dividedBy(a: Dim, b: Dim): Dim {
  const numerator = typeof a === 'number' ? a : a.batch;
  const denominator = typeof b === 'number' ? b : b.batch;
  const quotient = numerator / denominator;
  const isBatch = typeof a !== 'number' && typeof b === 'number';
  if (!Number.isInteger(quotient) || (typeof a === 'number' && typeof b !== 'number')) {
    throw new AidError('invalid-graph', `${formatDim(a)} is not divisible by ${formatDim(b)}`);
  }
  return isBatch ? { batch: quotient } : quotient;
}

export function sameDim(a: Dim, b: Dim): boolean {
  if (typeof a === 'number' || typeof b === 'number') return a === b;
  return a.batch === b.batch;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => sameDim(dim, at(b, i)));
}

/** Number of elements. */
export function sizeOf(shape: Shape): Dim {
  return shape.reduce(times, 1);
}

/** The dimension at `index`, counted from the end when negative. */
export function at(shape: Shape, index: number): Dim {
  const dim = shape.at(index);
  if (dim === undefined)
    throw new AidError('invalid-graph', `${formatShape(shape)} has no dimension ${index}`);
  return dim;
}

/** The dimension at `index`, which must not depend on the batch. */
export function fixedAt(shape: Shape, index: number): number {
  const dim = at(shape, index);
  if (typeof dim === 'number') return dim;
  throw new AidError(
    'invalid-graph',
    `dimension ${index} of ${formatShape(shape)} must not depend on the batch`,
  );
}

/** Numpy's broadcasting of two shapes. */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const da = a[i - rank + a.length] ?? 1;
    const db = b[i - rank + b.length] ?? 1;
    if (da === 1) return db;
    if (db === 1 || sameDim(da, db)) return da;
    throw new AidError('invalid-graph', `${formatShape(a)} and ${formatShape(b)} do not broadcast`);
  });
}

/** The shape at a given batch size. */
export function atBatch(shape: Shape, batch: number): number[] {
  return shape.map((dim) => (typeof dim === 'number' ? dim : dim.batch * batch));
}

export function formatDim(dim: Dim): string {
  if (typeof dim === 'number') return String(dim);
  return dim.batch === 1 ? 'B' : `B*${dim.batch}`;
}

export function formatShape(shape: Shape): string {
  return `[${shape.map(formatDim).join(',')}]`;
}
