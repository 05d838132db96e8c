/** Whether a run can start from the tensors that it is given. */
import { AidError } from '../errors.js';
import type { Shape } from '../onnx/shape.js';
import { inspectWeights } from '../weights/inspect-weights.js';
import { listed } from '../weights/listed.js';
import type { Recipe } from './recipe.js';

/**
 * A frozen tensor must be given, and a network of which some tensors are given must be given whole: what is missing
 * is not made up. All numbers must be finite. `restored`: what a checkpoint has of trained tensors. Returns what stands
 * for the frozen weights in the run's `sources`. Errors: `invalid-weights`, naming every problem.
 */
export async function checkStart(
  { training: { graph, trained, unreached }, weights }: Pick<Recipe, 'training' | 'weights'>,
  restored: { readonly path: string; readonly shapes: ReadonlyMap<string, Shape> } | undefined,
): Promise<{ readonly 'frozen weights': string }> {
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
  if (restored !== undefined) {
    const { path, shapes } = restored;
    for (const [key, { shape }] of trained) {
      const stored = shapes.get(key);
      if (stored === undefined) problems.push(`${key} is missing`);
      else problems.push(...misshapen(key, shape, stored));
    }
    for (const key of shapes.keys()) if (!trained.has(key)) problems.push(`${key} is not trained`);
    if (problems.length > 0)
      throw new AidError('invalid-weights', `${path}: ${listed(problems)}`, { details: problems });
  }
  const used = [...weights].filter(([key]) => graph.parameters.has(key));
  const { sha256 } = await inspectWeights(new Map(used.filter(([key]) => !trained.has(key))));
  // A checkpoint has values of its own for what is trained.
  if (restored === undefined) await inspectWeights(new Map(used.filter(([key]) => trained.has(key))));
  return { 'frozen weights': sha256.slice(0, 16) };
}

/** Adapters are a network of their own: a backbone comes without them. */
const networkOf = (key: string): string =>
  key.includes('_adapter.') ? 'adapters' : (key.split('.')[0] ?? key);

function misshapen(key: string, expected: Shape, got: Shape): string[] {
  return expected.join() === got.join()
    ? []
    : [`${key}: expected [${expected.join(',')}], got [${got.join(',')}]`];
}
