/** `aid score RUN`: every measure of a saved run, without imagining again. */
import { Command, Option } from 'commander';
import { FeatureNetwork } from '../planner/evaluation/features/feature-network.js';
import { LpipsNetwork } from '../planner/evaluation/features/lpips-network.js';
import { PROTOCOLS, type ProtocolName } from '../planner/evaluation/features/protocols.js';
import { readSavedRun } from '../planner/evaluation/saved-run.js';
import { type ScoreOptions, scoreRun } from '../planner/evaluation/score.js';
import { writeScores } from '../planner/evaluation/scores-file.js';
import { chooseEngine } from '../planner/runtime/choose-engine.js';
import type { ChosenProvider } from '../planner/runtime/engine-options.js';
import { interruptible } from './interruption.js';
import { PROVIDERS, threadCount, wholeNumber } from './options.js';
import { type Progress, progressLine } from './progress.js';
import { scoreLines } from './score-table.js';
import { say, sayJson } from './terminal.js';

interface ScoreFlags {
  readonly lpips?: string;
  readonly i3d?: string;
  readonly inception?: string;
  readonly protocol?: readonly ProtocolName[];
  readonly resamples: number;
  readonly fidResamples: number;
  readonly seed: number;
  readonly json?: true;
  readonly provider: ChosenProvider;
  readonly threads?: number;
}

export function scoreCommand(): Command {
  return new Command('score')
    .description(
      'measure a saved run again: commands followed, PSNR, SSIM, sensitivity to the command, LPIPS, FVD, KVD, FID',
    )
    .argument('<run>', 'folder that aid evaluate --save made')
    .option('--lpips <file>', "torchvision's AlexNet's weights as safetensors, for LPIPS")
    .option('--i3d <file>', "I3D's weights as safetensors, for FVD and KVD")
    .option('--inception <file>', "Inception v3's weights as safetensors, for FID")
    .addOption(new Option('--protocol <name...>', 'of FVD and KVD (default: seer)').choices(PROTOCOLS))
    .option(
      '--resamples <n>',
      'groups of clips left out in turn for the intervals of FVD and KVD; 0: none',
      wholeNumber(0),
      200,
    )
    .option('--fid-resamples <n>', 'the same of FID', wholeNumber(0), 40)
    .option('--seed <n>', 'of the intervals', wholeNumber(0), 1)
    .option('--json', 'print the scores as JSON and nothing else')
    .addOption(new Option('--provider <name>', 'what computes').choices(PROVIDERS).default('auto'))
    .option('--threads <n>', 'threads on the CPU (default: all cores)', threadCount)
    .action((folder: string, flags: ScoreFlags) =>
      interruptible(async (abortSignal) => {
        const progress = progressLine();
        try {
          await score(folder, flags, progress, abortSignal);
        } finally {
          progress.end();
        }
      }),
    );
}

/** Also written to `scores.json` in the run's folder, where a report finds it. */
async function score(
  folder: string,
  flags: ScoreFlags,
  progress: Progress,
  abortSignal: AbortSignal,
): Promise<void> {
  const { lpips, i3d, inception, protocol, resamples, fidResamples, seed, provider, threads } = flags;
  const run = readSavedRun(folder);
  const engine =
    lpips === undefined && i3d === undefined && inception === undefined
      ? undefined
      : await chooseEngine({ provider, ...(threads === undefined ? {} : { threads }) });
  try {
    const options: ScoreOptions = {
      ...(engine === undefined || lpips === undefined
        ? {}
        : { lpips: await LpipsNetwork.load(engine, lpips) }),
      ...(engine === undefined || i3d === undefined
        ? {}
        : { i3d: await FeatureNetwork.load(engine, 'i3d', i3d) }),
      ...(engine === undefined || inception === undefined
        ? {}
        : { inception: await FeatureNetwork.load(engine, 'inception-v3', inception) }),
      ...(protocol === undefined ? {} : { protocols: protocol }),
      resamples,
      fidResamples,
      seed,
      abortSignal,
      onProgress: (done, total, what) => progress.step(done, total, what),
    };
    const scores = await scoreRun(run, options);
    progress.end();
    await writeScores(run, scores);
    if (flags.json === true) sayJson(scores);
    else for (const line of scoreLines(run, scores)) say(line);
  } finally {
    await engine?.dispose();
  }
}
