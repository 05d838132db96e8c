/** Bags of a user's robot: rosbag2 recordings with a camera's pictures and the commands that the robot was given. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { AidError } from '../../../errors.js';
import type { BagsConfig } from '../data-config.js';
import type { EpisodeSet, Recording, SkippedEpisode } from '../episode.js';
import { byNumber, describeFiles, idOf, isFolder, namesIn } from '../files.js';
import { bagReading, openBag } from './open-bag.js';
import { BAG_ENDINGS } from './with-bag.js';

const METADATA = 'metadata.yaml';
const metadataSchema = z.object({
  rosbag2_bagfile_information: z.object({
    relative_file_paths: z.array(z.string()).min(1),
    compression_format: z.string().nullish(),
    compression_mode: z.string().nullish(),
  }),
});

/**
 * The recordings of a folder: its `.mcap` and `.db3` files, and folders as `ros2 bag record` makes them; or the
 * folder itself, when it is one. Errors: `invalid-data` when there are none.
 */
export function bagRecordings(config: BagsConfig): EpisodeSet {
  const { bags: folder } = config;
  const names = namesIn(folder);
  const skipped: SkippedEpisode[] = [];
  const recordings = names.includes(METADATA)
    ? [folderRecording(folder, config)]
    : names.flatMap((name) => {
        const path = join(folder, name);
        if (BAG_ENDINGS.includes(extname(name))) return [fileRecording(path, config)];
        return !name.startsWith('.') && isFolder(path) && holdsBag(path)
          ? [folderRecording(path, config)]
          : [];
      });
  if (recordings.length === 0)
    throw new AidError(
      'invalid-data',
      `${folder}: no .mcap file in it, no .db3 file and no folder with a ${METADATA}`,
    );
  return { folder, noun: 'bags', recordings, skipped };
}

function fileRecording(path: string, config: BagsConfig): Recording {
  const { content, stamp } = describeFiles(basename(path), [path], bagReading(config));
  const id = extname(path) === '.mcap' ? basename(path, '.mcap') : idOf(config.bags, path);
  return { name: path, id, content, stamp, open: () => openBag(path, [path], config) };
}

/** `ros2 bag record` that was killed leaves no metadata.yaml. */
function holdsBag(folder: string): boolean {
  return namesIn(folder).some((name) => name === METADATA || BAG_ENDINGS.includes(extname(name)));
}

function folderRecording(folder: string, config: BagsConfig): Recording {
  const id = idOf(config.bags, folder);
  const present = namesIn(folder)
    .filter((name) => BAG_ENDINGS.includes(extname(name)))
    .sort(byNumber)
    .map((name) => join(folder, name));
  const metadata = join(folder, METADATA);
  const files = existsSync(metadata) ? [metadata, ...present] : present;
  const { content, stamp } = describeFiles(id, files, bagReading(config));
  return {
    name: folder,
    id,
    content,
    stamp,
    open: async () => openBag(folder, existsSync(metadata) ? listedFiles(folder) : present, config),
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
