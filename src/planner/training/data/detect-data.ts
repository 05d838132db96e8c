/** What kind of data set a folder is. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AidError } from '../../errors.js';
import { isBagName } from './bags/bag-recordings.js';
import type { DataConfig } from './data-config.js';
import { isFolder, namesIn } from './files.js';

export interface DataHints {
  readonly imageTopic?: string | undefined;
  readonly instructionTopic?: string | undefined;
  readonly instructionField?: string | undefined;
  readonly instruction?: string | undefined;
  readonly camera?: string | undefined;
  readonly captions?: string | undefined;
}

/** Deep enough for BridgeData's `institution/task/number/date/raw/group/trajectory/images0`. */
const DEEPEST = 8;

/** Errors: `invalid-data` for a folder that is none of them. */
export function detectData(folder: string, hints: DataHints = {}): DataConfig {
  const { imageTopic, instructionTopic, instructionField, instruction, camera, captions } = hints;
  if (captions !== undefined) return { videos: folder, captions };
  if (existsSync(join(folder, 'meta', 'info.json')))
    return { lerobot: folder, ...(camera === undefined ? {} : { camera }) };
  if (holds(folder, (name) => isBagName(name))) {
    const topics = {
      ...(imageTopic === undefined ? {} : { image: imageTopic }),
      ...(instructionTopic === undefined ? {} : { instruction: instructionTopic }),
    };
    return {
      bags: folder,
      ...(Object.keys(topics).length === 0 ? {} : { topics }),
      ...(instructionField === undefined ? {} : { instructionField }),
      ...(instruction === undefined ? {} : { instruction }),
    };
  }
  if (holds(folder, (name, path) => /^images\d+$/.test(name) && isFolder(path)))
    return { bridge: folder, ...(camera === undefined ? {} : { camera }) };
  throw new AidError(
    'invalid-data',
    `${folder}: neither bags (.mcap, .db3), nor a LeRobot data set (meta/info.json), nor BridgeData (images0/); videos need a captions file`,
  );
}

/** Looks down the first folders only: data sets are alike everywhere. */
function holds(
  folder: string,
  isIt: (name: string, path: string) => boolean,
  depth: number = DEEPEST,
): boolean {
  const paths = namesIn(folder)
    .filter((name) => !name.startsWith('.'))
    .map((name) => ({ name, path: join(folder, name) }));
  if (paths.some(({ name, path }) => isIt(name, path))) return true;
  const folders = depth === 0 ? [] : paths.filter(({ path }) => isFolder(path)).slice(0, 4);
  return folders.some(({ path }) => holds(path, isIt, depth - 1));
}
