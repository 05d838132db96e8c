import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ModelFolder, PART_NAMES } from '../../weights/model-folder.js';

/** Configs, tokenizers, word lists. */
const TEXT = /\.(json|txt)$/;

/**
 * Stands for a base in a run's `sources`: changes with its parts' configs, tokenizer and preprocessor, and with the
 * sizes of its weights. The weights that a run reads at every start are inspected besides: see `checkStart`.
 */
export function describeBase(base: ModelFolder): string {
  const hash = createHash('sha256');
  for (const name of PART_NAMES) {
    const folder = base.find(name);
    for (const file of folder === undefined ? [] : readdirSync(folder).sort()) {
      const path = join(folder as string, file);
      const stat = statSync(path);
      if (!stat.isFile()) continue;
      hash.update(`${name}/${file} ${stat.size}\n`);
      if (TEXT.test(file)) hash.update(readFileSync(path));
    }
  }
  return hash.digest('hex').slice(0, 16);
}
