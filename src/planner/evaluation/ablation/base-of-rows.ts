/** The weights that an ablation's rows start from: all from the same, also when it goes on days later. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../../atomic-file.js';
import { AidError } from '../../errors.js';
import { allTensors } from '../../training/recipes/networks.js';
import { inspectWeights } from '../../weights/inspect-weights.js';
import { parseConfig, readJson } from '../../weights/model-component.js';
import { openBase } from '../../weights/model-folder.js';
import type { AblationConfig } from './ablation-config.js';

const baseSchema = z.object({ sha256: z.string() });

/** Notes them in the output folder. Errors: `invalid-config` where it has rows of others. */
export async function checkBase(
  { output, train }: AblationConfig,
  abortSignal: AbortSignal | undefined,
): Promise<void> {
  const { base } = train.recipe;
  const file = join(output, 'base.json');
  const { sha256 } = await inspectWeights(allTensors(openBase(base)), { abortSignal });
  if (!existsSync(file)) {
    await writeFileAtomically(file, (handle) => handle.writeFile(`${JSON.stringify({ sha256 })}\n`));
    return;
  }
  if (parseConfig(baseSchema, readJson(file), file).sha256 !== sha256)
    throw new AidError(
      'invalid-config',
      `${output}: holds rows that start from other weights than those now in ${base}; choose another output folder, or delete it to start again`,
    );
}
