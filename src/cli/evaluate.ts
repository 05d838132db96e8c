/** `aid evaluate`: how well a model imagines scenes whose outcomes are known. */
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { writeFileAtomically } from '../planner/atomic-file.js';
import { evaluate, MAX_SEEDS, type MeasuredScene, warmUp } from '../planner/evaluation/evaluate.js';
import type { EvaluationReport } from '../planner/evaluation/report.js';
import { DEFAULT_SWEEP, type SamplingChoice } from '../planner/evaluation/sampling-settings.js';
import { endSceneRun } from '../planner/evaluation/save-scenes.js';
import { RunWriter } from '../planner/evaluation/saved-run.js';
import { ClipsJournal, FiguresJournal } from '../planner/evaluation/scene-journal.js';
import type { SeedRange } from '../planner/evaluation/scene-maker.js';
import type { SceneResult } from '../planner/evaluation/scene-result.js';
import { openSceneSet, type SceneSet } from '../planner/evaluation/scene-set.js';
import { readVariant, type SceneVariant } from '../planner/evaluation/scene-variant.js';
import { MAX_INFERENCE_STEPS } from '../planner/models/aid-config.js';
import { VideoPlanner } from '../planner/video-planner.js';
import { COMPONENT_NAMES, openModelFolder } from '../planner/weights/model-folder.js';
import { dataHintOptions, dataSelection } from './data-hints.js';
import { evaluateData } from './evaluate-data.js';
import { checkFlags, type EvaluateFlags } from './evaluate-flags.js';
import { writeSceneImage } from './evaluate-images.js';
import { evaluationTable } from './evaluate-table.js';
import { isAborted } from './failure.js';
import { interruptible } from './interruption.js';
import { PROVIDERS, threadCount, wholeNumber } from './options.js';
import { modelFolder, packageVersion } from './package.js';
import { type Progress, progressLine } from './progress.js';
import { samplingOf, withSampling } from './sampling-options.js';
import { note, say, sayJson } from './terminal.js';
import { noteWarnings } from './warnings.js';

/** The simulator takes no more. */
const MAX_WORKERS = 256;

export function evaluateCommand(): Command {
  const command = withSampling(
    new Command('evaluate')
      .description('measure a model on simulated scenes whose outcomes under every command are known')
      .option('--model <dir>', 'model folder (default: the one in this package)')
      .addOption(
        new Option('--scenes <A:B>', "the simulator's seeds A to B - 1; from 10000 on none is for training")
          .argParser(seedRange)
          .default({ from: 10_000, to: 10_128 }, '10000:10128'),
      )
      .option('--variant <file>', "another table than the simulator's own: its TOML or JSON file, see sim/")
      .option('--seeds <n>', 'clips of the command in each scene', wholeNumber(1, MAX_SEEDS), 4),
    MAX_INFERENCE_STEPS,
  )
    .option('--sweep', 'also try 25, 8, 4, 2 and 1 steps with other samplers and guidances')
    .option('--json', 'print the figures as JSON and nothing else')
    .option('--out <file>', 'also write the figures, and what each scene gave, to this JSON file')
    .option('--images <dir>', 'also write a picture of every scene, failures first in their order')
    .option(
      '--save <dir>',
      "also keep every clip but a sweep's and what truly happens, for aid score and aid report",
    )
    .option(
      '--data <source>',
      "measure on recorded episodes instead: a run's config file, a folder of recordings, or a bag",
    )
    .option('--episodes <n>', 'of --data: only so many of its episodes, drawn by lot', wholeNumber(2))
    .option('--given <n>', 'of --data: given frames of a clip', wholeNumber(1), 1)
    .option('--cache <dir>', 'folder that keeps simulated scenes', join('runs', 'scenes'))
    .addOption(
      new Option('--workers <n>', 'processes that simulate')
        .argParser(wholeNumber(1, MAX_WORKERS))
        .default(Math.min(availableParallelism(), MAX_WORKERS), 'one for each core'),
    )
    .addOption(new Option('--provider <name>', 'what computes').choices(PROVIDERS).default('auto'))
    .option('--threads <n>', 'threads on the CPU (default: all cores)', threadCount)
    .action((flags: EvaluateFlags) =>
      interruptible(async (abortSignal) => {
        checkFlags(flags, command);
        const progress = progressLine();
        try {
          await run(flags, progress, abortSignal);
        } finally {
          progress.end();
        }
      }),
    );
  for (const option of dataHintOptions()) command.addOption(option);
  return command;
}

async function run(flags: EvaluateFlags, progress: Progress, abortSignal: AbortSignal): Promise<void> {
  const { out, json, provider, threads } = flags;
  const variant = flags.variant === undefined ? undefined : await readVariant(flags.variant);
  const data = flags.data === undefined ? undefined : dataSelection(flags.data, flags).data;
  const model = modelFolder(flags.model);
  progress.phase(`loading ${model}`);
  const planner = await VideoPlanner.load(model, {
    provider,
    ...(threads === undefined ? {} : { threads }),
    abortSignal,
  });
  try {
    const sampling = samplingOf(flags);
    await warmUp(planner, sampling, abortSignal);
    const facts = modelFacts(model, planner);
    const { save } = flags;
    if (data !== undefined && save !== undefined) {
      await evaluateData(planner, { ...flags, data, save, sampling, facts }, progress, abortSignal);
      return;
    }
    const set = await sceneSet(flags, variant, progress, abortSignal);
    const journal = await openJournal(set, facts, flags, sampling);
    if (journal.size > 0)
      note(`${journal.size} of ${set.scenes.length} scenes are known from an evaluation that was stopped`);
    let report: EvaluationReport;
    let scenes: readonly SceneResult[];
    try {
      ({ report, scenes } = await figures(planner, set, flags, { sampling, journal }, progress, abortSignal));
    } catch (error) {
      if (isAborted(error)) note('aid: the same command goes on from here');
      throw error;
    } finally {
      await journal.close();
    }
    progress.end();
    if (out !== undefined) {
      await writeFileAtomically(out, (file) =>
        file.writeFile(`${JSON.stringify({ ...report, results: scenes }, null, 1)}\n`),
      );
    }
    await journal.remove();
    noteWarnings(report.warnings, 'the JSON');
    if (json === true) sayJson(report);
    else for (const line of evaluationTable(report)) say(line);
  } finally {
    await planner.dispose();
  }
}

async function sceneSet(
  { scenes: seeds, cache, workers }: EvaluateFlags,
  variant: SceneVariant | undefined,
  progress: Progress,
  abortSignal: AbortSignal,
): Promise<SceneSet> {
  const onWaiting = (line: string): void => {
    progress.end();
    note(`aid: ${line}`);
  };
  for await (const event of openSceneSet({ seeds, cache, workers, variant, onWaiting, abortSignal })) {
    if (event.kind === 'end') return event.set;
    progress.step(event.done, event.total, 'simulating scenes');
  }
  throw new Error('the scenes ended without their end event');
}

/** What everything that this model imagines here follows from. */
function modelFacts(
  path: string,
  { sha256, engine, video }: VideoPlanner,
): Readonly<Record<string, unknown>> {
  const folder = openModelFolder(path);
  const configs = COMPONENT_NAMES.map((name) => folder.component(name).config);
  return { version: packageVersion(), sha256, configs, engine, video };
}

/** In the cache, beside the scenes; with the clips where they are kept. */
async function openJournal(
  set: SceneSet,
  model: Readonly<Record<string, unknown>>,
  { seeds, sweep, save, images }: EvaluateFlags,
  sampling: SamplingChoice,
): Promise<FiguresJournal | ClipsJournal> {
  const { generator, fingerprint } = set;
  const scenes = set.scenes.map(({ seed }) => seed);
  const settings = { seeds, sampling, sweep: sweep === undefined ? [] : DEFAULT_SWEEP };
  // Of scenes that are known no picture can be drawn any more: with pictures elsewhere, it is another evaluation.
  const pictures = images === undefined ? {} : { images: resolve(images) };
  const facts = { ...model, generator, fingerprint, scenes, ...settings, ...pictures };
  return save === undefined
    ? FiguresJournal.open(join(set.folder, 'evaluations'), facts)
    : new ClipsJournal(await RunWriter.open<MeasuredScene>(save, facts));
}

async function figures(
  planner: VideoPlanner,
  set: SceneSet,
  { seeds, sweep, images }: EvaluateFlags,
  {
    sampling,
    journal,
  }: { readonly sampling: SamplingChoice; readonly journal: FiguresJournal | ClipsJournal },
  progress: Progress,
  abortSignal: AbortSignal,
): Promise<{ report: EvaluationReport; scenes: readonly SceneResult[] }> {
  progress.phase('looking at the first scene');
  const options = {
    set,
    seeds,
    sampling,
    journal,
    abortSignal,
    ...(sweep === undefined ? {} : { sweep: DEFAULT_SWEEP }),
  };
  let scenesDone = 0;
  for await (const event of evaluate(planner, options)) {
    if (event.kind === 'clip') progress.step(event.done, event.total, 'imagining clips');
    if (event.kind === 'scene') {
      scenesDone += 1;
      // For logs, which have no progress line.
      if (!process.stderr.isTTY && scenesDone % 8 === 0) note(`scene ${scenesDone} of ${set.scenes.length}`);
      if (images !== undefined) await writeSceneImage(images, event);
    }
    if (event.kind === 'end') {
      if (journal instanceof ClipsJournal)
        await endSceneRun(journal.writer, event.report, planner.video.numFrames);
      return event;
    }
  }
  throw new Error('the evaluation ended without its end event');
}

/** `A:B` */
function seedRange(text: string): SeedRange {
  const [, from, to] = /^(\d{1,9}):(\d{1,9})$/.exec(text) ?? [];
  if (from !== undefined && to !== undefined && Number(from) < Number(to))
    return { from: Number(from), to: Number(to) };
  throw new InvalidArgumentError('Expected A:B with 0 <= A < B.');
}
