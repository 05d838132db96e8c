/** Bags of a user's robot: rosbag2 recordings with a camera's pictures and the commands that the robot was given. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { AidError } from '../../../errors.js';
import type { BagsConfig } from '../data-config.js';
import { type EpisodeSet, type Recording, reasonToSkip, type SkippedEpisode } from '../episode.js';
import { byNumber, describeFiles, idOf, isFolder, namesIn } from '../files.js';
import { bagReading, openBag } from './open-bag.js';
import { LOG_ENDING } from './sqlite-reader.js';
import { BAG_ENDINGS } from './with-bag.js';

const METADATA = 'metadata.yaml';
const metadataSchema = z.object({
  rosbag2_bagfile_information: z.object({
    relative_file_paths: z.array(z.string()).min(1),
    compression_format: z.string().nullish(),
    compression_mode: z.string().nullish(),
  }),
});

/** What rosbag2 makes of a file with `--compression-mode file`. */
const COMPRESSED = /\.(mcap|db3)\.zstd$/;
/** rosbag2 counts the files of a recording that it splits: `run_0.mcap`, `run_1.mcap`. */
const PART = /_\d+$/;

type Listing = Pick<EpisodeSet, 'recordings' | 'skipped'>;

/** Whether a file is a recording, or a part or the description of one, even if it cannot be read here. */
export function isBagName(name: string): boolean {
  return isBagFile(name) || name === METADATA || COMPRESSED.test(name);
}

const isBagFile = (name: string): boolean => BAG_ENDINGS.includes(extname(name));

/**
 * The recordings below a folder: its `.mcap` and `.db3` files, and folders as `ros2 bag record` makes them, at any
 * depth; or the folder itself, when it is one. Errors: `invalid-data` when there are none.
 */
export function bagRecordings(config: BagsConfig): EpisodeSet {
  const { bags: folder } = config;
  const { recordings, skipped } = bagsBelow(folder, config);
  if (recordings.length === 0)
    throw new AidError(
      'invalid-data',
      skipped[0]?.reason ??
        `${folder}: no .mcap file below it, no .db3 file and no folder with a ${METADATA}`,
    );
  return {
    folder,
    noun: 'bags',
    recordings: recordings.toSorted(byPath),
    isEpisodeEach: config.instruction !== undefined,
    skipped,
  };
}

const byPath = (a: Recording, b: Recording): number => (a.name < b.name ? -1 : 1);

function bagsBelow(folder: string, config: BagsConfig): Listing {
  const names = namesIn(folder);
  if (names.includes(METADATA)) return { recordings: [folderRecording(folder, names, config)], skipped: [] };
  const recordings: Recording[] = [];
  const skipped: SkippedEpisode[] = [];
  const isSet = folder === config.bags;
  const groups = isSet ? names.filter(isBagFile).map((name) => [name]) : partsOf(names.filter(isBagFile));
  for (const group of groups) {
    const files = group.map((name) => join(folder, name));
    const path = isSet || groups.length > 1 ? (files[0] as string) : folder;
    recordings.push(recording(path, files, () => files, config));
  }
  for (const name of names) {
    const path = join(folder, name);
    if (COMPRESSED.test(name))
      skipped.push({
        name: path,
        reason: `${path}: compressed by rosbag2; "zstd -d" writes a copy that is not`,
      });
    if (isBagName(name) || name.startsWith('.') || !isFolder(path)) continue;
    try {
      const below = bagsBelow(path, config);
      recordings.push(...below.recordings);
      skipped.push(...below.skipped);
    } catch (error) {
      skipped.push({ name: path, reason: reasonToSkip(error) });
    }
  }
  return { recordings, skipped };
}

/** The files of each recording whose recorder was killed: it writes `metadata.yaml` at its end. */
function partsOf(files: readonly string[]): string[][] {
  const byName = new Map<string, string[]>();
  for (const file of files.toSorted(byNumber)) {
    const name = basename(file, extname(file)).replace(PART, '') + extname(file);
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  return [...byName.values()];
}

/** One as `ros2 bag record` leaves it. */
function folderRecording(folder: string, names: readonly string[], config: BagsConfig): Recording {
  const present = names.filter(isBagFile).sort(byNumber);
  const files = [METADATA, ...present].map((name) => join(folder, name));
  return recording(folder, files, () => listedFiles(folder), config);
}

function recording(
  path: string,
  files: readonly string[],
  toOpen: () => readonly string[],
  config: BagsConfig,
): Recording {
  const isPlain = extname(path) === '.mcap' && relative(config.bags, path) === basename(path);
  const databases = files.filter((file) => extname(file) === '.db3');
  const logs = databases.map((file) => file + LOG_ENDING).filter((file) => existsSync(file));
  return {
    name: path,
    id: isPlain ? basename(path, '.mcap') : idOf(config.bags, path),
    ...describeFiles(basename(path), [...files, ...logs], bagReading(config)),
    open: async () => openBag(path, toOpen(), config),
  };
}

/** The files that `metadata.yaml` names, in their order. Errors: `invalid-data`. */
function listedFiles(folder: string): string[] {
  const file = join(folder, METADATA);
  const fail = (what: string, cause?: unknown): never => {
    throw new AidError('invalid-data', `${file}: ${what}`, { cause });
  };
  let parsed: unknown;
  try {
    parsed = parseYaml(readFileSync(file, 'utf8'));
  } catch (cause) {
    return fail(`not YAML: ${(cause as Error).message.split('\n', 1)[0]}`, cause);
  }
  const { data, error } = metadataSchema.safeParse(parsed);
  if (data === undefined) return fail(`not rosbag2's: ${error.issues[0]?.path.join('.')}`);
  const { relative_file_paths: paths, compression_mode: mode } = data.rosbag2_bagfile_information;
  if (!['', 'NONE'].includes(mode?.toUpperCase() ?? ''))
    return fail(`compressed by rosbag2 (${mode}); "ros2 bag convert" writes a copy that is not`);
  // Older recorders wrote the folder's own name before each file.
  return paths.map((path) => {
    const here = join(folder, basename(path));
    return existsSync(here) ? here : join(folder, path);
  });
}
