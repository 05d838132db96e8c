/** What an ablation's rows start from and are trained on: all the same, also when it goes on days later. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../../atomic-file.js';
import { AidError } from '../../errors.js';
import { dataFolder } from '../../training/data/data-config.js';
import { describeRecordings } from '../../training/data/episode.js';
import { openEpisodes } from '../../training/data/open-episodes.js';
import { allTensors } from '../../training/recipes/networks.js';
import { inspectWeights } from '../../weights/inspect-weights.js';
import { parseConfig, readJson } from '../../weights/model-component.js';
import { openBase } from '../../weights/model-folder.js';
import type { AblationConfig } from './ablation-config.js';

const baseSchema = z.object({
  /** Of the weights. */
  sha256: z.string(),
  /** See `describeRecordings`. */
  data: z.string(),
});

/** Notes both in the output folder. Errors: `invalid-config` where it has rows of others; `invalid-data`. */
export async function checkBase(
  { output, train }: AblationConfig,
  abortSignal: AbortSignal | undefined,
): Promise<void> {
  const { base, data: config } = train.recipe;
  const file = join(output, 'base.json');
  const { sha256 } = await inspectWeights(allTensors(openBase(base)), { abortSignal });
  const data = describeRecordings(await openEpisodes(config));
  if (!existsSync(file)) {
    await writeFileAtomically(file, (handle) => handle.writeFile(`${JSON.stringify({ sha256, data })}\n`));
    return;
  }
  const before = parseConfig(baseSchema, readJson(file), file);
  const refuse = (what: string): never => {
    throw new AidError(
      'invalid-config',
      `${output}: holds rows that ${what}; choose another output folder, or delete it to start again`,
    );
  };
  if (before.sha256 !== sha256) refuse(`start from other weights than those now in ${base}`);
  if (before.data !== data)
    refuse(`were trained on ${before.data}, where ${dataFolder(config)} now has ${data}`);
}
