/** What an ablation's rows have in common: one base and the same episodes, also when it goes on days later. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../../atomic-file.js';
import { AidError } from '../../errors.js';
import { describeRecordings, type EpisodeSet } from '../../training/data/episode.js';
import { describeBase } from '../../training/recipes/base-source.js';
import { prefixed } from '../../training/recipes/component-files.js';
import { componentOf } from '../../training/recipes/networks.js';
import { inspectWeights } from '../../weights/inspect-weights.js';
import { parseConfig, readJson } from '../../weights/model-component.js';
import { COMPONENT_NAMES, type ModelFolder, openBase } from '../../weights/model-folder.js';
import type { SceneSet } from '../scene-set.js';
import type { AblationConfig } from './ablation-config.js';

const sharedStart = z.object({
  /** SHA-256 of all of the base's networks with their configs, the autoencoder among them, and of what reads its inputs. */
  base: z.string(),
  /** The training episodes, in words that change with them. */
  episodes: z.string(),
});
export type SharedStart = z.infer<typeof sharedStart>;

/**
 * Notes it in the output folder. Errors: `invalid-config` where rows of another start lie there; `invalid-data` without
 * episodes; `aborted`.
 */
export async function checkSharedStart(
  { output, train: { recipe } }: AblationConfig,
  episodes: EpisodeSet,
  abortSignal: AbortSignal | undefined,
): Promise<SharedStart> {
  const file = join(output, 'start.json');
  const start: SharedStart = {
    base: await hashOf(openBase(recipe.base), abortSignal),
    episodes: describeRecordings(episodes),
  };
  if (!existsSync(file)) {
    await writeFileAtomically(file, (handle) => handle.writeFile(`${JSON.stringify(start)}\n`));
    return start;
  }
  const before = parseConfig(sharedStart, readJson(file), file);
  const changed = [
    ...(before.base === start.base ? [] : [`another base than is now in ${recipe.base}`]),
    ...(before.episodes === start.episodes
      ? []
      : [`${before.episodes} where ${episodes.folder} now has ${start.episodes}`]),
  ];
  if (changed.length > 0)
    throw new AidError(
      'invalid-config',
      `${output}: holds rows that start from ${changed.join(', and from ')}; choose another output folder, or delete it to start again`,
    );
  return start;
}

/** Errors: `invalid-config` where the episodes say that they are of another table than the scenes. */
export async function checkTable(
  { folder, recordings }: EpisodeSet,
  { variant }: Pick<SceneSet, 'variant'>,
): Promise<void> {
  const opened = await recordings[0]?.open();
  const table = opened?.episodes[0]?.metadata.variant;
  if (table !== undefined && table !== variant)
    throw new AidError(
      'invalid-config',
      `${folder}: expected episodes of the table ${variant}, whose scenes are measured, got the table ${table}`,
    );
}

async function hashOf(base: ModelFolder, abortSignal: AbortSignal | undefined): Promise<string> {
  const tensors = new Map(COMPONENT_NAMES.flatMap((name) => [...prefixed(name, componentOf(base, name))]));
  const { sha256 } = await inspectWeights(tensors, { abortSignal });
  return createHash('sha256').update(sha256).update(describeBase(base)).digest('hex');
}
