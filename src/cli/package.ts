/** The package that this command belongs to. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AidError } from '../planner/errors.js';

export const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

/** The model that comes with the package. */
export const defaultModel = join(packageRoot, 'models', 'aid-mini');

/** The model folder asked for, or the one that comes with the package. Errors: `invalid-model-folder`. */
export function modelFolder(asked: string | undefined): string {
  if (asked !== undefined) return asked;
  if (existsSync(join(defaultModel, 'model_index.json'))) return defaultModel;
  throw new AidError(
    'invalid-model-folder',
    `the default model is not in this copy of the package (${defaultModel}): name a model folder with --model`,
  );
}
