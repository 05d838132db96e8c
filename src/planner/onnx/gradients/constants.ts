import { AidError } from '../../errors.js';
import type { Value } from '../graph.js';

/** The numbers of an integer constant. */
export function constantInts(value: Value): number[] {
  if (value.source.kind !== 'constant')
    throw new AidError('invalid-graph', `${value.name}: expected a constant`);
  const { data } = value.source.tensor;
  return data instanceof BigInt64Array ? Array.from(data, Number) : Array.from(data);
}
