/** Whether a run can start from the tensors that it is given. */
import { AidError } from '../errors.js';
import type { Shape } from '../onnx/shape.js';
import { listed } from '../weights/listed.js';
import type { TrainedTensor } from './adamw.js';
import type { Recipe } from './recipe.js';

/**
 * A frozen tensor must be given, and a network of which some tensors are given must be given whole: what is missing
 * is not made up. Errors: `invalid-weights`, naming every problem.
 */
export function checkStart(
  { training: { graph, trained, unreached }, weights }: Recipe,
  restored: ReadonlyMap<string, TrainedTensor> | undefined,
  checkpoint: string,
): void {
  const given = new Set([...weights.keys()].filter((key) => graph.parameters.has(key)).map(networkOf));
  const problems: string[] = [];
  for (const [key, { shape }] of graph.parameters) {
    const isFrozen = !trained.has(key) && !unreached.has(key);
    const stored = weights.get(key);
    if (stored !== undefined) problems.push(...misshapen(key, shape, stored.shape));
    else if (isFrozen || given.has(networkOf(key))) problems.push(`${key} is missing`);
  }
  if (problems.length > 0)
    throw new AidError('invalid-weights', `base: ${listed(problems)}`, { details: problems });
  if (restored === undefined) return;
  for (const [key, { shape }] of trained) {
    const stored = restored.get(key);
    if (stored === undefined) problems.push(`${key} is missing`);
    else problems.push(...misshapen(key, shape, stored.shape));
  }
  for (const key of restored.keys()) if (!trained.has(key)) problems.push(`${key} is not trained`);
  if (problems.length > 0)
    throw new AidError('invalid-weights', `${checkpoint}: ${listed(problems)}`, { details: problems });
}

/** Adapters are a network of their own: a backbone comes without them. */
const networkOf = (key: string): string =>
  key.includes('_adapter.') ? 'adapters' : (key.split('.')[0] ?? key);

function misshapen(key: string, expected: Shape, got: readonly number[]): string[] {
  return expected.join() === got.join()
    ? []
    : [`${key}: expected [${expected.join(',')}], got [${got.join(',')}]`];
}
