import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { AidError } from '../../errors.js';
import { MAX_INFERENCE_STEPS } from '../../models/aid-config.js';
import type { AdaptRecipeConfig } from '../../training/recipes/adapt.js';
import { type RunConfig, readRunConfig } from '../../training/run-config.js';
import { parseConfig, readJson } from '../../weights/model-component.js';
import { openBase } from '../../weights/model-folder.js';
import { MAX_SEEDS } from '../evaluate.js';
import { ABLATION_ROWS, type AblationRow } from './rows.js';

const ablationFile = z.strictObject({
  /** Folder of the rows' runs, the table and the plot. Relative paths start at the config file. */
  output: z.string(),
  /** Config file of the training run whose parts are left out, recipe `adapt`. */
  train: z.string(),
  /** Instead of that run's own: every row has as many. */
  steps: z.int().positive().optional(),
  /** Names of rows; all of them unless said otherwise. */
  rows: z.array(z.string()).min(1).optional(),
  /** Instead of that run's own. */
  seed: z.int().nonnegative().optional(),
  /** The simulator's file of another table: that of the scenes, and of the episodes that are trained on. */
  variant: z.string().optional(),
  scenes: z.strictObject({
    from: z.int().nonnegative(),
    to: z.int().positive(),
    /** Folder that keeps simulated scenes. */
    cache: z.string(),
  }),
  /** Noise levels at which the scenes' true clips are denoised: about those of training. */
  sigmas: z.array(z.number().positive()).min(1).default([1, 5, 25]),
  /** Clips of the command in each scene. */
  seeds: z.int().positive().max(MAX_SEEDS).default(1),
  numInferenceSteps: z.int().positive().max(MAX_INFERENCE_STEPS).optional(),
});

export type AdaptRunConfig = RunConfig & { readonly recipe: AdaptRecipeConfig };

export interface AblationConfig
  extends Omit<z.infer<typeof ablationFile>, 'train' | 'rows' | 'steps' | 'seed'> {
  readonly train: AdaptRunConfig;
  readonly rows: readonly AblationRow[];
}

/** `rows` instead of the file's. Errors: `invalid-config`. */
export function readAblationConfig(
  file: string,
  { rows }: { readonly rows?: readonly string[] } = {},
): AblationConfig {
  const json = readJson(file, 'invalid-config');
  const {
    train: trainFile,
    steps,
    seed,
    rows: rowsOfFile,
    ...config
  } = parseConfig(ablationFile, json, file);
  const names = rows ?? rowsOfFile;
  const absolute = (path: string): string => resolve(dirname(file), path);
  const train = readRunConfig(absolute(trainFile));
  const { recipe } = train;
  if (recipe.recipe !== 'adapt')
    throw new AidError('invalid-config', `${file}: train: expected the recipe adapt, got ${recipe.recipe}`);
  const unknown = (names ?? []).filter((name) => !ABLATION_ROWS.some((row) => row.name === name));
  if (unknown.length > 0)
    throw new AidError(
      'invalid-config',
      `${file}: rows: expected some of ${ABLATION_ROWS.map(({ name }) => name).join(', ')}, got ${unknown.join(', ')}`,
    );
  return {
    ...config,
    output: absolute(config.output),
    scenes: { ...config.scenes, cache: absolute(config.scenes.cache) },
    ...(config.variant === undefined ? {} : { variant: absolute(config.variant) }),
    train: {
      ...train,
      recipe,
      ...(steps === undefined ? {} : { steps }),
      ...(seed === undefined ? {} : { seed }),
    },
    rows: ABLATION_ROWS.filter((row) => names?.includes(row.name) ?? canBe(row, recipe)),
  };
}

/** A base that has nothing of AID imagines nothing. */
function canBe({ untrained }: AblationRow, { base }: AdaptRecipeConfig): boolean {
  return untrained === undefined || openBase(base).find('aid') !== undefined;
}
