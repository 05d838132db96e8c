/** What kind of data set a folder is. */
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { AidError } from '../../errors.js';
import { BAG_ENDINGS } from './bags/with-bag.js';
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
  const names = namesIn(folder);
  if (existsSync(join(folder, 'meta', 'info.json')))
    return { lerobot: folder, ...(camera === undefined ? {} : { camera }) };
  const isBag = (name: string): boolean => BAG_ENDINGS.includes(extname(name)) || name === 'metadata.yaml';
  const below = names.filter((name) => isFolder(join(folder, name)));
  if (names.some(isBag) || below.some((name) => namesIn(join(folder, name)).some(isBag))) {
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
  if (holdsTrajectory(folder, DEEPEST))
    return { bridge: folder, ...(camera === undefined ? {} : { camera }) };
  throw new AidError(
    'invalid-data',
    `${folder}: neither bags (.mcap, .db3), nor a LeRobot data set (meta/info.json), nor BridgeData (images0/); videos need a captions file`,
  );
}

/** Looks down the first folders only: data sets are alike everywhere. */
function holdsTrajectory(folder: string, depth: number): boolean {
  const folders = namesIn(folder).filter((name) => !name.startsWith('.') && isFolder(join(folder, name)));
  if (folders.some((name) => /^images\d+$/.test(name))) return true;
  return depth > 0 && folders.slice(0, 4).some((name) => holdsTrajectory(join(folder, name), depth - 1));
}
