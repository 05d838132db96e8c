/** The rows of the paper's Tables 2 and 3 (arXiv 2406.06465): AID without one of its parts. And what to hold them against. */
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
  /** Ours: AID once more, with the next training seed. */
  readonly nextSeed?: true;
  /** Ours: the base as it is, with what it has of AID. */
  readonly untrained?: true;
}

/** The row that the others are compared with. */
export const AID_ROW = 'full';
export const NEXT_SEED_ROW = 'another-seed';

export const ABLATION_ROWS: readonly AblationRow[] = [
  { name: AID_ROW, label: 'AID', tables: [2, 3] },
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
  { name: NEXT_SEED_ROW, label: 'AID with the next seed', tables: [2, 3], nextSeed: true },
  { name: 'untouched', label: 'untouched base', tables: [2, 3], untrained: true },
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
