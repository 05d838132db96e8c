import { AidError } from '../../errors.js';
import type { Value } from '../graph.js';

/** The numbers of an integer constant. */
export function constantInts(value: Value): number[] {
  if (value.source.kind !== 'constant')
    throw new AidError('invalid-graph', `${value.name}: expected a constant`);
  const { data, dims } = value.source.tensor;
  if (typeof data === 'number') return Array(dims.reduce((a, b) => a * b, 1)).fill(data);
  return data instanceof BigInt64Array ? Array.from(data, Number) : Array.from(data);
}
