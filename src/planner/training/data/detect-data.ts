/** What kind of data set a folder is. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AidError } from '../../errors.js';
import { isBagName } from './bags/bag-recordings.js';
import type { DataConfig } from './data-config.js';
import { orSkipped } from './episode.js';
import { type Entry, entriesIn, isFolder } from './files.js';

export interface DataHints {
  readonly imageTopic?: string | undefined;
  readonly instructionTopic?: string | undefined;
  readonly instructionField?: string | undefined;
  readonly instruction?: string | undefined;
  readonly camera?: string | undefined;
  readonly captions?: string | undefined;
}

type Hint = keyof DataHints;

/** Of each kind of data set, what can be chosen. */
const HINTS = {
  bags: ['imageTopic', 'instructionTopic', 'instructionField', 'instruction'],
  'a LeRobot data set': ['camera'],
  BridgeData: ['camera'],
  videos: ['captions'],
} as const satisfies Readonly<Record<string, readonly Hint[]>>;

const WORDS: Readonly<Record<Hint, string>> = {
  imageTopic: 'image topic',
  instructionTopic: 'instruction topic',
  instructionField: 'instruction field',
  instruction: 'instruction',
  camera: 'camera',
  captions: 'captions',
};

/** Deep enough for BridgeData's `institution/task/number/date/raw/group/trajectory/images0`. */
const DEEPEST = 8;

/**
 * `path`: a folder, or a bag. Errors: `invalid-data` for one that is none of them, `invalid-argument` for a hint that is
 * not of its kind.
 */
export function detectData(path: string, hints: DataHints = {}): DataConfig {
  const { imageTopic, instructionTopic, instructionField, instruction, camera, captions } = hints;
  const kind = captions === undefined ? kindOf(path) : 'videos';
  const known: readonly Hint[] = HINTS[kind];
  const odd = (Object.keys(WORDS) as Hint[]).find(
    (hint) => hints[hint] !== undefined && !known.includes(hint),
  );
  if (odd !== undefined)
    throw new AidError(
      'invalid-argument',
      `${path}: read as ${kind}, for which no ${WORDS[odd]} can be chosen`,
    );
  if (captions !== undefined) return { videos: path, captions };
  const chosen = camera === undefined ? {} : { camera };
  if (kind === 'a LeRobot data set') return { lerobot: path, ...chosen };
  if (kind === 'BridgeData') return { bridge: path, ...chosen };
  const topics = {
    ...(imageTopic === undefined ? {} : { image: imageTopic }),
    ...(instructionTopic === undefined ? {} : { instruction: instructionTopic }),
  };
  return {
    bags: path,
    ...(Object.keys(topics).length === 0 ? {} : { topics }),
    ...(instructionField === undefined ? {} : { instructionField }),
    ...(instruction === undefined ? {} : { instruction }),
  };
}

/** Errors: `invalid-data`. */
function kindOf(path: string): keyof typeof HINTS {
  if (existsSync(path) && !isFolder(path)) {
    if (isBagName(basename(path))) return 'bags';
  } else {
    if (existsSync(join(path, 'meta', 'info.json'))) return 'a LeRobot data set';
    if (holds(path, ({ name }) => isBagName(name))) return 'bags';
    if (holds(path, ({ name, isFolder }) => isFolder && /^images\d+$/.test(name))) return 'BridgeData';
  }
  throw new AidError(
    'invalid-data',
    `${path}: neither bags (.mcap, .db3), nor a LeRobot data set (meta/info.json), nor BridgeData (images0/); videos need a captions file`,
  );
}

/**
 * Looks down the first folders only: data sets are alike everywhere. What cannot be read there is told when the data set
 * is opened.
 */
function holds(folder: string, isIt: (entry: Entry) => boolean, depth: number = DEEPEST): boolean {
  const entries = entriesIn(folder, []);
  if (entries.some(isIt)) return true;
  const folders = depth === 0 ? [] : entries.filter((entry) => entry.isFolder).slice(0, 4);
  return folders.some(({ path }) => orSkipped(path, [], () => [holds(path, isIt, depth - 1)]).includes(true));
}
