/** `aid report RUN`: a saved run as a page to look at. */
import { join } from 'node:path';
import { Command } from 'commander';
import { writeFileAtomically } from '../planner/atomic-file.js';
import type { ReportedRun } from '../planner/evaluation/page/compare-runs.js';
import { reportPage } from '../planner/evaluation/page/report-page.js';
import { readSavedRun } from '../planner/evaluation/saved-run.js';
import { scoreRun } from '../planner/evaluation/score.js';
import { readScores } from '../planner/evaluation/scores-file.js';
import { interruptible } from './interruption.js';
import { wholeNumber } from './options.js';
import { say, shownPath } from './terminal.js';

interface ReportFlags {
  readonly out?: string;
  readonly compare?: string;
  readonly samples: number;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('write a saved run as one HTML page: clips beside the truth, curves, failures, comparison')
    .argument('<run>', 'folder that aid evaluate --save made')
    .option('--compare <run>', 'another run on the same samples, beside it')
    .option('--out <file>', 'the page (default: report.html in the folder of the run)')
    .option('--samples <n>', 'samples in the page: the worst and the best', wholeNumber(1), 24)
    .action((folder: string, { out = join(folder, 'report.html'), compare, samples }: ReportFlags) =>
      interruptible(async (abortSignal) => {
        const reported = await reportedRun(folder, abortSignal);
        const other = compare === undefined ? undefined : await reportedRun(compare, abortSignal);
        const page = await reportPage(reported, { compare: other, samples, abortSignal });
        await writeFileAtomically(out, (file) => file.writeFile(page));
        say(`${shownPath(out)}, ${(page.length / 1e6).toFixed(1)} MB`);
      }),
    );
}

/** With the scores that aid score left, or else those of the pixels. Errors: `invalid-data`, `aborted`. */
async function reportedRun(folder: string, abortSignal: AbortSignal): Promise<ReportedRun> {
  const run = readSavedRun(folder);
  return { run, scores: readScores(run) ?? (await scoreRun(run, { abortSignal })) };
}
