import { AidError } from '../errors.js';
import type { Graph } from '../onnx/graph.js';
import { listed } from './listed.js';
import { isFloatType, type StoredTensor } from './safetensors.js';

/**
 * Compares what graphs ask for with what a checkpoint holds and reports every missing, unexpected and
 * misshapen tensor, and every one that holds no floats, at once. Errors: `invalid-weights`, whose `details` name each of them.
 */
export function checkWeights(
  where: string,
  graphs: readonly Graph[],
  tensors: ReadonlyMap<string, StoredTensor>,
): void {
  const asked = new Map<string, readonly number[]>();
  for (const graph of graphs)
    for (const [key, { shape }] of graph.parameters) asked.set(key, shape as readonly number[]);
  const missing: string[] = [];
  const misshapen: string[] = [];
  const mistyped: string[] = [];
  for (const [key, shape] of asked) {
    const stored = tensors.get(key);
    if (stored === undefined) missing.push(`${key} [${shape.join(',')}]`);
    else if (shape.join() !== stored.shape.join()) {
      misshapen.push(`${key}: expected [${shape.join(',')}], got [${stored.shape.join(',')}]`);
    } else if (!isFloatType(stored.type)) mistyped.push(`${key}: expected floats, got ${stored.type}`);
  }
  const unexpected = [...tensors.keys()].filter((key) => !asked.has(key));
  const kinds = { missing, unexpected, 'of the wrong shape': misshapen, 'of the wrong type': mistyped };
  const found = Object.entries(kinds).filter(([, names]) => names.length > 0);
  if (found.length === 0) return;
  const problems = found.map(([what, names]) => `${names.length} tensors ${what}: ${listed(names, ', ')}`);
  throw new AidError('invalid-weights', `${where}: ${problems.join('; ')}`, {
    details: found.flatMap(([what, names]) => names.map((name) => `${what}: ${name}`)),
  });
}
