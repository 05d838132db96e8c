/** `aid ablate CONFIG`: the rows of the paper's Tables 2 and 3 at the scale of the simulated table. */
import { join } from 'node:path';
import { Command } from 'commander';
import { writeFileAtomically } from '../planner/atomic-file.js';
import { ablate } from '../planner/evaluation/ablation/ablate.js';
import { readAblationConfig } from '../planner/evaluation/ablation/ablation-config.js';
import { ablationPlot, ablationTable } from '../planner/evaluation/ablation/ablation-report.js';
import { OnnxRuntimeEngine } from '../planner/runtime/onnxruntime/onnxruntime-engine.js';
import { isAborted } from './failure.js';
import { interruptible } from './interruption.js';
import { threadCount } from './options.js';
import { type Progress, progressLine } from './progress.js';
import { note, say, shownPath } from './terminal.js';

export function ablateCommand(): Command {
  return new Command('ablate')
    .description('train and evaluate AID without each of its parts; run again after an interruption to go on')
    .argument('<config>', 'JSON config file')
    .option('--threads <n>', "threads of the engine, instead of the training config's", threadCount)
    .action(async (file: string, options: { threads?: number }) => {
      const progress = progressLine();
      try {
        await interruptible((abortSignal) => run(file, options.threads, progress, abortSignal));
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
  givenThreads: number | undefined,
  progress: Progress,
  abortSignal: AbortSignal,
): Promise<void> {
  const config = readAblationConfig(file);
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
        case 'training':
          if (event.event.kind === 'step') progress.step(event.event.step, event.event.steps, 'training');
          if (event.event.kind === 'skipped') note(`aid: skipped: ${event.event.reason}`);
          if (event.event.kind === 'warning') note(`aid: warning: ${event.event.message}`);
          break;
        case 'evaluating':
          progress.step(event.done, event.total, 'imagining clips');
          break;
        case 'result':
          break;
        case 'end': {
          progress.end();
          const table = ablationTable(event.results);
          const files = {
            'ablation.json': `${JSON.stringify(event.results, null, 1)}\n`,
            'ablation.md': table,
            'ablation.svg': ablationPlot(event.results),
          };
          for (const [name, content] of Object.entries(files))
            await writeFileAtomically(join(config.output, name), (handle) => handle.writeFile(content));
          say(table.trimEnd());
          note(`${shownPath(config.output)}: ${Object.keys(files).join(', ')}`);
        }
      }
    }
  } finally {
    await engine.dispose();
  }
}
