/** Options that say what a folder of recordings does not: which topics, which camera, which captions. */
import { Option } from 'commander';
import { AidError } from '../planner/errors.js';
import { type DataHints, detectData } from '../planner/training/data/detect-data.js';
import { type DataSelection, readDataConfig } from '../planner/training/run-config.js';

export const dataHintOptions = (): Option[] => [
  new Option('--image-topic <topic>', 'of bags: the camera (default: /camera/image/compressed)'),
  new Option('--instruction-topic <topic>', 'of bags: the commands (default: /instruction)'),
  new Option(
    '--instruction-field <path>',
    "of bags: where the text is in a command's message (default: data)",
  ),
  new Option('--instruction <text>', 'of bags: the one command of every recording, where none was recorded'),
  new Option('--camera <name>', "of LeRobot data sets and BridgeData: the camera's name"),
  new Option('--captions <file>', 'of folders of videos: what happens in them, JSON or CSV'),
];

/**
 * The data of a config file, or of a folder with the hints. Errors: `invalid-config`, `invalid-data`; `invalid-argument`
 * for hints beside a config file, which has keys for all of them.
 */
export function dataSelection(source: string, hints: DataHints): DataSelection {
  if (!source.endsWith('.json')) return { data: detectData(source, hints) };
  const values: Readonly<Record<string, unknown>> = { ...hints };
  const given = dataHintOptions().find((option) => values[option.attributeName()] !== undefined);
  if (given !== undefined)
    throw new AidError('invalid-argument', `${given.long}: of a folder; ${source} has keys of its own`);
  return readDataConfig(source);
}
