/** `aid export`: a model folder as what an inference server reads. */
import { Command, Option } from 'commander';
import { exportTriton } from '../planner/imagination/export-triton.js';
import { interruptible } from './interruption.js';
import { wholeNumber } from './options.js';
import { checkEmptyFolder, writeFolderAtomically } from './output-folder.js';
import { modelFolder } from './package.js';
import { say, sayJson, shownPath } from './terminal.js';

interface ExportFlags {
  readonly triton: string;
  readonly model?: string;
  readonly weights: 'copy' | 'link';
  readonly frames?: number;
  readonly maxBatch: number;
  readonly maxQueue: number;
  readonly queueDelay: number;
  readonly json?: true;
}

export function exportCommand(): Command {
  return new Command('export')
    .description('write what an inference server needs to compute for many robots')
    .requiredOption('--triton <dir>', 'folder for the Triton model repository: new, or empty')
    .option('--model <dir>', 'model folder (default: the one in this package)')
    .addOption(
      new Option('--weights <how>', 'copy them, or take the files themselves by hard links')
        .choices(['copy', 'link'])
        .default('copy'),
    )
    .option(
      '--frames <n>',
      'length of the clips that will be asked for (default: as the model says)',
      wholeNumber(1),
    )
    .option('--max-batch <rows>', 'rows computed at once; a clip has one to three', wholeNumber(3, 1024), 16)
    .option(
      '--max-queue <n>',
      'requests that may wait before more are refused',
      wholeNumber(1, 1_000_000),
      64,
    )
    .option(
      '--queue-delay <us>',
      'microseconds that a request waits for others to join it',
      wholeNumber(0, 1_000_000),
      2000,
    )
    .option('--json', 'print what was written as JSON and nothing else')
    .action((flags: ExportFlags) => interruptible((abortSignal) => run(flags, abortSignal)));
}

async function run(flags: ExportFlags, abortSignal: AbortSignal): Promise<void> {
  const { triton: out, weights, frames, maxBatch, maxQueue, queueDelay } = flags;
  checkEmptyFolder(out);
  const model = modelFolder(flags.model);
  let models: readonly string[] = [];
  let weightsSha256 = '';
  await writeFolderAtomically(out, async (draft) => {
    ({ models, weightsSha256 } = await exportTriton(model, draft, {
      weights,
      maxBatchSize: maxBatch,
      maxQueueSize: maxQueue,
      maxQueueDelayUs: queueDelay,
      ...(frames === undefined ? {} : { clipLengths: [frames] }),
      abortSignal,
    }));
  });
  if (flags.json === true) {
    sayJson({ out, weightsSha256, models });
    return;
  }
  say(`${models.length} graphs of ${shownPath(model)} in ${shownPath(out)}`);
  say(`  tritonserver --model-repository=${out}`);
  say('  aid imagine FRAME COMMAND --server grpc://HOST:8001');
}
