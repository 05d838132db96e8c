/** Bags of a user's robot: rosbag2 recordings with a camera's pictures and the commands that the robot was given. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { AidError } from '../../../errors.js';
import { readError } from '../../../read-error.js';
import type { BagsConfig } from '../data-config.js';
import {
  type EpisodeSet,
  type OpenedRecording,
  orSkipped,
  type Recording,
  type SkippedEpisode,
} from '../episode.js';
import { describeFiles, entriesIn, idOf, isFolder } from '../files.js';
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

/** Whether a file is a recording, or a part or the description of one, even if it cannot be read here. */
export function isBagName(name: string): boolean {
  return isBagFile(name) || name === METADATA || COMPRESSED.test(name);
}

const isBagFile = (name: string): boolean => BAG_ENDINGS.includes(extname(name));

/** What a set's recordings are listed with. */
interface Listing {
  /** Of the set. */
  readonly root: string;
  readonly config: BagsConfig;
  readonly skipped: SkippedEpisode[];
}

/**
 * The recordings below a folder: its `.mcap` and `.db3` files, and folders as `ros2 bag record` makes them, at any
 * depth; or the file or folder itself, when it is one. Errors: `invalid-data` when there are none.
 */
export function bagRecordings(config: BagsConfig): EpisodeSet {
  const { bags } = config;
  const skipped: SkippedEpisode[] = [];
  const isFile = existsSync(bags) && !isFolder(bags);
  const listing = { root: isFile ? dirname(bags) : bags, config, skipped };
  const recordings = isFile ? separateFiles([bags], listing) : bagsBelow(bags, listing);
  const none = isFile
    ? 'expected a folder of bags, an .mcap file or a .db3 file'
    : `no .mcap file below it, no .db3 file and no folder with a ${METADATA}`;
  if (recordings.length === 0) throw new AidError('invalid-data', skipped[0]?.reason ?? `${bags}: ${none}`);
  return {
    folder: listing.root,
    noun: 'bags',
    recordings: recordings.toSorted(byPath),
    isEpisodeEach: config.instruction !== undefined,
    skipped,
  };
}

const byPath = (a: Recording, b: Recording): number => (a.name < b.name ? -1 : 1);

function bagsBelow(folder: string, listing: Listing): Recording[] {
  const entries = entriesIn(folder, listing.skipped);
  const files = entries.filter((entry) => !entry.isFolder).map(({ path }) => path);
  if (files.some((file) => basename(file) === METADATA)) return [folderRecording(folder, files, listing)];
  const isSet = folder === listing.root;
  // A set's own files are recordings each, but for the parts of one that it is itself: rosbag2 names them as the folder.
  const isPart = (file: string): boolean => !isSet || nameOf(file) === basename(resolve(folder));
  const parts = partsIn(folder, files.filter(isPart), listing);
  const here = [
    ...parts,
    ...separateFiles(
      files.filter((file) => !isPart(file)),
      listing,
    ),
  ];
  const folders = entries.filter((entry) => entry.isFolder);
  const below = folders.flatMap(({ path }) =>
    orSkipped(path, listing.skipped, () => bagsBelow(path, listing)),
  );
  return [...here, ...below];
}

/** A recording each. */
function separateFiles(files: readonly string[], listing: Listing): Recording[] {
  return bagFilesOf(files, listing).map((file) => recording(file, [file], listing));
}

/** Of the recording that a file is a part of. */
const nameOf = (file: string): string => basename(file, extname(file)).replace(PART, '');

/** The recordings whose recorder was killed: it writes `metadata.yaml` at its end. */
function partsIn(folder: string, files: readonly string[], listing: Listing): Recording[] {
  const byName = new Map<string, string[]>();
  for (const file of bagFilesOf(files, listing)) {
    const name = nameOf(file) + extname(file);
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  return [...byName.values()].map((parts) =>
    recording(byName.size === 1 ? folder : (parts[0] as string), parts, listing),
  );
}

/** Those that can be read here. */
function bagFilesOf(files: readonly string[], { skipped }: Listing): string[] {
  for (const file of files.filter((each) => COMPRESSED.test(each)))
    skipped.push({
      name: file,
      reason: `${file}: compressed by rosbag2; "zstd -d" writes a copy that is not`,
    });
  return files.filter(isBagFile);
}

/** One as `ros2 bag record` leaves it. */
function folderRecording(folder: string, files: readonly string[], listing: Listing): Recording {
  const present = files.filter(isBagFile);
  const metadata = join(folder, METADATA);
  return recording(folder, [metadata, ...present], listing, async () => {
    const { files: parts, skipped } = partsListedIn(metadata, present);
    const opened = await openBag(folder, parts, listing.config);
    return { ...opened, skipped: [...skipped, ...opened.skipped] };
  });
}

function recording(
  path: string,
  files: readonly string[],
  { root, config }: Listing,
  open: () => Promise<OpenedRecording> = () => openBag(path, files, config),
): Recording {
  const isPlain = files[0] === path && extname(path) === '.mcap' && relative(root, path) === basename(path);
  const databases = files.filter((file) => extname(file) === '.db3');
  const logs = databases.map((file) => file + LOG_ENDING).filter((file) => existsSync(file));
  return {
    name: path,
    id: isPlain ? basename(path, '.mcap') : idOf(root, path),
    ...describeFiles(basename(path), [...files, ...logs], bagReading(config)),
    open,
  };
}

/**
 * The files that `metadata.yaml` names, in their order, or those `present` where it is damaged. Errors: `invalid-data`.
 */
function partsListedIn(
  metadata: string,
  present: readonly string[],
): { readonly files: readonly string[]; readonly skipped: readonly SkippedEpisode[] } {
  const skipped: SkippedEpisode[] = [];
  const read = () => [readMetadata(metadata)];
  const [information] = present.length === 0 ? read() : orSkipped(metadata, skipped, read);
  if (information === undefined) return { files: present, skipped };
  const { relative_file_paths: paths, compression_mode: mode } = information;
  if (!['', 'NONE'].includes(mode?.toUpperCase() ?? ''))
    throw new AidError(
      'invalid-data',
      `${metadata}: compressed by rosbag2 (${mode}); "ros2 bag convert" writes a copy that is not`,
    );
  // Older recorders wrote the folder's own name before each file.
  const folder = dirname(metadata);
  const files = paths.map((path) => {
    const here = join(folder, basename(path));
    return existsSync(here) ? here : join(folder, path);
  });
  for (const file of present.filter((each) => !files.includes(each)))
    skipped.push({ name: file, reason: `${file}: not in ${METADATA}` });
  return { files, skipped };
}

/** Errors: `invalid-data`, `io-failed`. */
function readMetadata(file: string): z.infer<typeof metadataSchema>['rosbag2_bagfile_information'] {
  let parsed: unknown;
  try {
    parsed = parseYaml(readFileSync(file, 'utf8'));
  } catch (cause) {
    const what = `not YAML: ${(cause as Error).message.split('\n', 1)[0]}`;
    throw readError('invalid-data', `${file}: ${what}`, cause);
  }
  const { data, error } = metadataSchema.safeParse(parsed);
  if (data !== undefined) return data.rosbag2_bagfile_information;
  throw new AidError('invalid-data', `${file}: not rosbag2's: ${error.issues[0]?.path.join('.')}`);
}
