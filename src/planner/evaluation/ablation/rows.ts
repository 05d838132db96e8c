/** The rows of the paper's Tables 2 and 3 (arXiv 2406.06465): AID without one of its parts. */
import type { AdaptRecipeConfig } from '../../training/recipes/adapt.js';

export interface AblationRow {
  /** Names its folder. */
  readonly name: string;
  /** As the paper's tables have it. */
  readonly label: string;
  /** Tables that it stands in. */
  readonly tables: readonly (2 | 3)[];
  readonly dqformer?: Partial<AdaptRecipeConfig['aid']['dqformer']>;
  readonly adapters?: Partial<AdaptRecipeConfig['aid']['adapters']>;
}

export const ABLATION_ROWS: readonly AblationRow[] = [
  { name: 'full', label: 'AID', tables: [2, 3] },
  { name: 'no-mcondition', label: 'w/o MCondition', tables: [2], dqformer: { output: 'text' } },
  { name: 'no-decomposed', label: 'w/o DE', tables: [2], dqformer: { output: 'multimodal' } },
  { name: 'no-multimodal', label: 'w/o ME', tables: [2], dqformer: { output: 'decomposed' } },
  { name: 'no-states', label: 'w/o states', tables: [2], dqformer: { states: false } },
  { name: 'no-spatial', label: 'w/o SA', tables: [3], adapters: { spatial: false } },
  { name: 'no-short-term', label: 'w/o STA', tables: [3], adapters: { short_term: false } },
  { name: 'no-long-term', label: 'w/o LTA', tables: [3], adapters: { long_term: false } },
  { name: 'no-temporal', label: 'w/o TA', tables: [3], adapters: { short_term: false, long_term: false } },
  {
    name: 'no-adapters',
    label: 'w/o all adapters',
    tables: [3],
    adapters: { spatial: false, short_term: false, long_term: false },
  },
];

/** The same recipe without what the row leaves out. */
export function withoutPart(
  recipe: AdaptRecipeConfig,
  { dqformer = {}, adapters = {} }: AblationRow,
): AdaptRecipeConfig {
  const { aid } = recipe;
  return {
    ...recipe,
    aid: { ...aid, dqformer: { ...aid.dqformer, ...dqformer }, adapters: { ...aid.adapters, ...adapters } },
  };
}
