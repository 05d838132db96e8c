/** BridgeData V2 in its raw layout: a folder a trajectory, `images0/im_0.jpg`..., and `lang.txt` beside them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFrame } from '../../conditioning/frame.js';
import { AidError } from '../../errors.js';
import { readError } from '../../read-error.js';
import type { BridgeConfig } from './data-config.js';
import {
  checkFrameIndices,
  type EpisodeSet,
  type OpenedRecording,
  orSkipped,
  type Recording,
  type SkippedEpisode,
} from './episode.js';
import { byNumber, describeFiles, entriesIn, idOf, isFolder, namesIn } from './files.js';

const CAMERA = 'images0';
const PICTURE = /^im_\d+\.(jpe?g|png)$/i;
/** The data set's annotators wrote how sure they were below what they saw. */
const CONFIDENCE = /^confidence\s*:/i;
/** The data set's cameras took 5 pictures a second. */
const FRAMES_PER_SECOND = 5;

/** The trajectories below a folder, by path. Errors: `invalid-data` when there are none. */
export function bridgeTrajectories({ bridge: folder, camera = CAMERA }: BridgeConfig): EpisodeSet {
  const skipped: SkippedEpisode[] = [];
  const recordings = trajectoriesBelow(folder, skipped).flatMap((path) =>
    orSkipped(path, skipped, (): Recording[] => {
      const id = idOf(folder, path);
      const pictures = isFolder(join(path, camera)) ? picturesIn(join(path, camera)) : [];
      const { content, stamp } = describeFiles(id, [...pictures, join(path, 'lang.txt')], { camera });
      return [{ name: path, id, content, stamp, open: async () => openTrajectory(path, camera) }];
    }),
  );
  if (recordings.length === 0)
    throw new AidError(
      'invalid-data',
      skipped[0]?.reason ?? `${folder}: no folder below it has pictures in ${camera}/`,
    );
  return { folder, noun: 'trajectories', recordings, isEpisodeEach: true, skipped };
}

/** A folder with `images0`, `images1`... is one; whatever is below it is not looked at. */
function trajectoriesBelow(folder: string, skipped: SkippedEpisode[]): string[] {
  const folders = entriesIn(folder, skipped).filter((entry) => entry.isFolder);
  if (folders.some(({ name }) => /^images\d+$/.test(name))) return [folder];
  return folders.flatMap(({ path }) => orSkipped(path, skipped, () => trajectoriesBelow(path, skipped)));
}

function picturesIn(folder: string): string[] {
  return namesIn(folder)
    .filter((name) => PICTURE.test(name))
    .sort(byNumber)
    .map((name) => join(folder, name));
}

function openTrajectory(path: string, camera: string): OpenedRecording {
  const fail = (what: string): never => {
    throw new AidError('invalid-data', `${path}: ${what}`);
  };
  const folder = join(path, camera);
  if (!isFolder(folder)) fail(`no ${camera}/`);
  const pictures = picturesIn(folder);
  if (pictures.length === 0) fail(`no im_*.jpg in ${camera}/`);
  const [instruction, ...others] = sentencesOf(path);
  if (instruction === undefined) return fail('no instruction in lang.txt');
  return {
    skipped: [],
    episodes: [
      {
        name: path,
        instruction,
        frameCount: pictures.length,
        framesPerSecond: FRAMES_PER_SECOND,
        metadata: others.length === 0 ? {} : { otherInstructions: others.join('; ') },
        readFrames: async (indices) => {
          checkFrameIndices(path, indices, pictures.length);
          return Promise.all(indices.map((index) => decodeFrame(pictures[index] as string)));
        },
      },
    ],
  };
}

/** Some trajectories were described by several people, a line each. Errors: `invalid-data`. */
function sentencesOf(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(join(path, 'lang.txt'), 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what = missing ? 'no lang.txt' : `lang.txt could not be read: ${(cause as Error).message}`;
    throw readError('invalid-data', `${path}: ${what}`, cause);
  }
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !CONFIDENCE.test(line));
}
