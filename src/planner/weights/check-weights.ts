import { AidError } from '../errors.js';
import type { Graph } from '../onnx/graph.js';
import type { StoredTensor } from './safetensors.js';

const SHOWN = 8;

/**
 * Compares what graphs ask for with what a checkpoint holds and reports every missing, unexpected and
 * misshapen tensor at once. Errors: `invalid-weights`.
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
  for (const [key, shape] of asked) {
    const stored = tensors.get(key);
    if (stored === undefined) missing.push(`${key} [${shape.join(',')}]`);
    else if (shape.join() !== stored.shape.join()) {
      misshapen.push(`${key}: expected [${shape.join(',')}], got [${stored.shape.join(',')}]`);
    }
  }
  const unexpected = [...tensors.keys()].filter((key) => !asked.has(key));
  const problems = [
    ...summary('missing', missing),
    ...summary('unexpected', unexpected),
    ...summary('of the wrong shape', misshapen),
  ];
  if (problems.length > 0) throw new AidError('invalid-weights', `${where}: ${problems.join('; ')}`);
}

function summary(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, SHOWN).join(', ');
  const rest = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return [`${names.length} tensors ${what}: ${shown}${rest}`];
}
