/** The options of `aid evaluate`, of which some go with simulated scenes and some with recorded episodes. */
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { AidError } from '../planner/errors.js';
import { refuseSavedRun } from '../planner/evaluation/saved-run.js';
import type { SeedRange } from '../planner/evaluation/scene-maker.js';
import type { ChosenProvider } from '../planner/runtime/engine-options.js';
import type { DataHints } from '../planner/training/data/detect-data.js';
import { dataHintOptions } from './data-hints.js';
import type { SamplingFlags } from './sampling-options.js';
import { checkFolderWritable, checkWritable } from './writable.js';

export interface EvaluateFlags extends DataHints, SamplingFlags {
  readonly model?: string;
  readonly scenes: SeedRange;
  readonly variant?: string;
  readonly seeds: number;
  readonly sweep?: true;
  readonly json?: true;
  readonly out?: string;
  readonly images?: string;
  readonly save?: string;
  readonly data?: string;
  readonly episodes?: number;
  readonly given?: number;
  readonly cache: string;
  readonly workers: number;
  readonly provider: ChosenProvider;
  readonly threads?: number;
}

const OF_SCENES = ['scenes', 'variant', 'seeds', 'sweep', 'out', 'images', 'cache', 'workers'];
const OF_EPISODES = ['episodes', 'given'];

/** Nothing that was asked for is left undone in silence. Errors: `invalid-argument`. */
export function checkFlags({ out, images, data, save }: EvaluateFlags, command: Command): void {
  const refuse = (names: readonly string[], why: string): void => {
    const given = command.options.find(
      (option) =>
        names.includes(option.attributeName()) &&
        command.getOptionValueSource(option.attributeName()) === 'cli',
    );
    if (given !== undefined) throw new AidError('invalid-argument', `${given.long}: ${why}`);
  };
  const hints = dataHintOptions().map((option) => option.attributeName());
  if (data === undefined) refuse([...OF_EPISODES, ...hints], 'of recorded episodes, which --data names');
  else refuse(OF_SCENES, 'of simulated scenes, and --data has recorded episodes');
  if (data !== undefined && save === undefined)
    throw new AidError('invalid-argument', '--data: expected --save DIR beside it, where the clips are kept');
  if (out !== undefined) {
    checkWritable(out);
    if (statSync(out, { throwIfNoEntry: false })?.isDirectory() === true)
      throw new AidError('invalid-argument', `--out ${out}: expected a file, got a folder`);
  }
  for (const folder of [images, save]) if (folder !== undefined) checkFolderWritable(folder);
  if (save !== undefined) refuseSavedRun(save);
}
