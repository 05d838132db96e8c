/** `aid ablate CONFIG`: the rows of the paper's Tables 2 and 3 at the scale of the simulated table. */
import { join } from 'node:path';
import { Command } from 'commander';
import { writeFileAtomically } from '../planner/atomic-file.js';
import { ablate } from '../planner/evaluation/ablation/ablate.js';
import { readAblationConfig } from '../planner/evaluation/ablation/ablation-config.js';
import { ablationPlot } from '../planner/evaluation/ablation/ablation-plot.js';
import { ablationTable } from '../planner/evaluation/ablation/ablation-report.js';
import { OnnxRuntimeEngine } from '../planner/runtime/onnxruntime/onnxruntime-engine.js';
import { isAborted } from './failure.js';
import { interruptible } from './interruption.js';
import { threadCount } from './options.js';
import { type Progress, progressLine } from './progress.js';
import { note, say, shownPath } from './terminal.js';

const PICTURE = "![Each row's difference from AID, with its paired interval](ablation.svg)";

interface AblateFlags {
  readonly rows?: readonly string[];
  readonly out?: string;
  readonly threads?: number;
}

export function ablateCommand(): Command {
  return new Command('ablate')
    .description('train and evaluate AID without each of its parts; run again after an interruption to go on')
    .argument('<config>', 'JSON config file')
    .option('--rows <name...>', "some of the rows, instead of the config's: full, no-states, no-adapters ...")
    .option('--out <dir>', 'also write the table and the plot into this folder')
    .option('--threads <n>', "threads of the engine, instead of the training config's", threadCount)
    .action(async (file: string, flags: AblateFlags) => {
      const progress = progressLine();
      try {
        await interruptible((abortSignal) => run(file, flags, progress, abortSignal));
      } catch (error) {
        progress.end();
        if (isAborted(error)) note(`aid: "aid ablate ${file}" goes on from here`);
        throw error;
      } finally {
        progress.end();
      }
    });
}

async function run(
  file: string,
  { rows, out, threads: givenThreads }: AblateFlags,
  progress: Progress,
  abortSignal: AbortSignal,
): Promise<void> {
  const config = readAblationConfig(file, rows === undefined ? {} : { rows });
  const threads = givenThreads ?? config.train.threads;
  const engine = new OnnxRuntimeEngine(threads === undefined ? {} : { threads });
  try {
    for await (const event of ablate(config, { engine, abortSignal })) {
      switch (event.kind) {
        case 'row':
          progress.end();
          note(`row ${event.index + 1} of ${event.total}: ${event.row.label}`);
          break;
        case 'simulated':
          progress.step(event.done, event.total, 'simulating scenes');
          break;
        case 'encoded':
          progress.step(event.done, event.total, 'encoding scenes');
          break;
        case 'training':
          if (event.event.kind === 'step') progress.step(event.event.step, event.event.steps, 'training');
          if (event.event.kind === 'skipped') note(`aid: skipped: ${event.event.reason}`);
          if (event.event.kind === 'warning') note(`aid: warning: ${event.event.message}`);
          break;
        case 'denoising':
          progress.step(event.done, event.total, 'denoising true clips');
          break;
        case 'evaluating':
          progress.step(event.done, event.total, 'imagining clips');
          break;
        case 'result':
          break;
        case 'end': {
          progress.end();
          const { about, results } = event;
          const table = ablationTable(about, results);
          const plot = ablationPlot(results);
          const page: Record<string, string> = {
            'ablation.md': plot === undefined ? table : `${table}\n${PICTURE}\n`,
          };
          if (plot !== undefined) page['ablation.svg'] = plot;
          const json = { 'ablation.json': `${JSON.stringify({ about, results }, null, 1)}\n` };
          await write(config.output, { ...page, ...json });
          if (out !== undefined) await write(out, page);
          say(table.trimEnd());
        }
      }
    }
  } finally {
    await engine.dispose();
  }
}

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files))
    await writeFileAtomically(join(folder, name), (handle) => handle.writeFile(content));
  note(`${shownPath(folder)}: ${Object.keys(files).join(', ')}`);
}
