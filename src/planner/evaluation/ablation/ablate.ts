/** Trains and evaluates AID without each of its parts, every row on the same data for the same number of steps. */
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { AidError } from '../../errors.js';
import type { Engine } from '../../runtime/engine.js';
import { openEpisodes } from '../../training/data/open-episodes.js';
import { type HeldOutClip, type HeldOutLoss, heldOutLosses } from '../../training/held-out-loss.js';
import { type RunEvent, run } from '../../training/run.js';
import { fingerprintOf } from '../../training/run-config.js';
import { VideoPlanner } from '../../video-planner.js';
import { openModelFolder } from '../../weights/model-folder.js';
import { type EvaluationEvent, evaluate, type MeasuredScene } from '../evaluate.js';
import { endSceneRun } from '../save-scenes.js';
import { isSavedRun, RunWriter } from '../saved-run.js';
import { ClipsJournal } from '../scene-journal.js';
import { openSceneSet, type SceneSet } from '../scene-set.js';
import { readVariant } from '../scene-variant.js';
import type { AblationConfig, AdaptRunConfig } from './ablation-config.js';
import type { AblationAbout } from './ablation-report.js';
import { type AblationResult, ablationResult, readResult, writeResult } from './ablation-result.js';
import { heldOutClips } from './held-out-clips.js';
import { ABLATION_ROWS, type AblationRow, withoutPart } from './rows.js';
import { checkSharedStart, checkTable } from './shared-start.js';

export type AblationEvent =
  | { readonly kind: 'row'; readonly row: AblationRow; readonly index: number; readonly total: number }
  | { readonly kind: 'training'; readonly row: AblationRow; readonly event: RunEvent }
  | { readonly kind: 'simulated' | 'encoded'; readonly done: number; readonly total: number }
  | {
      readonly kind: 'denoising' | 'evaluating';
      readonly row: AblationRow;
      readonly done: number;
      readonly total: number;
    }
  | { readonly kind: 'result'; readonly result: AblationResult }
  /** Of every row that has a result, also of those that were not asked for this time. */
  | { readonly kind: 'end'; readonly about: AblationAbout; readonly results: readonly AblationResult[] };

/** Of `result.json`: those of an older one are measured again. */
const RESULT_FORMAT = 3;

export interface AblateOptions {
  readonly engine: Engine;
  readonly abortSignal?: AbortSignal | undefined;
}

/** Where a row is, and everything that its result follows from. */
interface PlannedRow {
  readonly row: AblationRow;
  /** Undefined where it is not trained. */
  readonly train: AdaptRunConfig | undefined;
  readonly model: string;
  readonly result: string;
  /** The saved run. */
  readonly clips: string;
  readonly fingerprint: string;
}

/**
 * Goes on where it was stopped: rows with a `result.json` of the same config and their clips in `run` are done, a row's
 * training has its checkpoint, its evaluation the scenes that it has measured. Errors: those of training and evaluating,
 * `invalid-config` where rows of another start lie or the episodes are of another table than the scenes, `aborted`.
 */
export async function* ablate(
  config: AblationConfig,
  { engine, abortSignal }: AblateOptions,
): AsyncGenerator<AblationEvent, void, undefined> {
  const episodes = await openEpisodes(config.train.recipe.data);
  const start = await checkSharedStart(config, episodes, abortSignal);
  const set = yield* sceneSet(config, abortSignal);
  await checkTable(episodes, set);
  const clips = yield* trueClips(set, config, { engine, abortSignal });
  for (const [index, row] of config.rows.entries()) {
    yield { kind: 'row', row, index, total: config.rows.length };
    const planned = plannedRow(row, set, config);
    const result =
      known(planned) ?? (yield* measured(planned, { set, clips, config }, { engine, abortSignal }));
    yield { kind: 'result', result };
  }
  const { train, scenes, seeds: clipsPerScene, sigmas } = config;
  const { base, clipsPerRun, train: trained, lastFrameWeight } = train.recipe;
  yield {
    kind: 'end',
    about: {
      ...start,
      basePath: base,
      table: set.variant,
      sceneSeeds: { from: scenes.from, to: scenes.to },
      steps: train.steps,
      clipsPerStep: clipsPerRun * train.runsPerStep,
      trainingSeed: train.seed,
      trained,
      sigmas,
      lastFrameWeight,
      clipsPerScene,
    },
    results: ABLATION_ROWS.flatMap((row) => known(plannedRow(row, set, config)) ?? []),
  };
}

function plannedRow(row: AblationRow, set: SceneSet, config: AblationConfig): PlannedRow {
  const { scenes, seeds, sigmas, numInferenceSteps, output, train: shared } = config;
  const { cache: _, ...range } = scenes;
  const folder = join(output, row.name);
  const recipe = withoutPart(shared.recipe, row);
  const train =
    row.untrained === true
      ? undefined
      : { ...shared, output: folder, recipe, seed: shared.seed + (row.nextSeed === true ? 1 : 0) };
  const start = train === undefined ? [recipe.base, recipe.lastFrameWeight] : fingerprintOf(train);
  const facts = [RESULT_FORMAT, start, range, set.fingerprint, seeds, sigmas, numInferenceSteps];
  return {
    row,
    train,
    model: train === undefined ? recipe.base : join(folder, 'model'),
    result: join(folder, 'result.json'),
    clips: join(folder, 'run'),
    fingerprint: JSON.stringify(facts),
  };
}

const known = ({ result, clips, fingerprint }: PlannedRow): AblationResult | undefined =>
  isSavedRun(clips) ? readResult(result, fingerprint) : undefined;

async function* sceneSet(
  { scenes: { from, to, cache }, variant }: AblationConfig,
  abortSignal: AbortSignal | undefined,
): AsyncGenerator<AblationEvent, SceneSet> {
  const options = {
    seeds: { from, to },
    cache,
    workers: availableParallelism(),
    variant: variant === undefined ? undefined : await readVariant(variant),
    abortSignal,
  };
  for await (const event of openSceneSet(options)) {
    if (event.kind === 'end') return event.set;
    yield event;
  }
  throw new AidError('invalid-data', `${cache}: the scenes ended without their end`);
}

async function* trueClips(
  set: SceneSet,
  { train }: AblationConfig,
  options: AblateOptions,
): AsyncGenerator<AblationEvent, readonly HeldOutClip[]> {
  for await (const event of heldOutClips(set, train, options)) {
    if (event.kind === 'end') return event.clips;
    yield { kind: 'encoded', done: event.recording, total: event.recordings };
  }
  throw new AidError('invalid-data', `${set.folder}: the clips ended without their end`);
}

interface Shared {
  readonly set: SceneSet;
  readonly clips: readonly HeldOutClip[];
  readonly config: AblationConfig;
}

async function* measured(
  planned: PlannedRow,
  shared: Shared,
  { engine, abortSignal }: AblateOptions,
): AsyncGenerator<AblationEvent, AblationResult> {
  const { row, train, model, clips, fingerprint } = planned;
  let trainedNumbers = 0;
  if (train !== undefined)
    for await (const event of run(train, { engine, ...(abortSignal === undefined ? {} : { abortSignal }) })) {
      if (event.kind === 'start') trainedNumbers = event.trainedNumbers;
      yield { kind: 'training', row, event };
    }
  const losses: HeldOutLoss[] = [];
  const { sigmas } = shared.config;
  const { lastFrameWeight } = shared.config.train.recipe;
  const options = { engine, sigmas, lastFrameWeight, abortSignal };
  for await (const loss of heldOutLosses(openModelFolder(model), shared.clips, options)) {
    losses.push(loss);
    yield { kind: 'denoising', row, done: losses.length, total: shared.clips.length };
  }
  // Of another evaluation.
  if (isSavedRun(clips)) await rm(clips, { recursive: true });
  const writer = await RunWriter.open<MeasuredScene>(clips, fingerprint);
  try {
    const { report, scenes } = yield* evaluated(planned, writer, shared, { engine, abortSignal });
    const training = { trainedNumbers, steps: train?.steps ?? 0 };
    const result = ablationResult(row, training, report, scenes, losses);
    await writeResult(planned.result, fingerprint, result, report);
    return result;
  } finally {
    await writer.close();
  }
}

/** Keeps the clips, so that they can be scored by other measures. */
async function* evaluated(
  { row, model }: PlannedRow,
  writer: RunWriter<MeasuredScene>,
  { set, config: { seeds, numInferenceSteps } }: Shared,
  { engine, abortSignal }: AblateOptions,
): AsyncGenerator<AblationEvent, Extract<EvaluationEvent, { kind: 'end' }>> {
  // The engine is the ablation's own: the planner leaves it as it is.
  const planner = await VideoPlanner.load(model, {
    engine,
    ...(abortSignal === undefined ? {} : { abortSignal }),
  });
  try {
    const sampling = numInferenceSteps === undefined ? {} : { numInferenceSteps };
    const journal = new ClipsJournal(writer);
    for await (const event of evaluate(planner, { set, seeds, sampling, also: [], journal, abortSignal })) {
      if (event.kind === 'clip') yield { kind: 'evaluating', row, done: event.done, total: event.total };
      if (event.kind !== 'end') continue;
      await endSceneRun(writer, event.report, planner.video.numFrames);
      return event;
    }
    throw new AidError('engine-failed', `${model}: the evaluation ended without a report`);
  } finally {
    await planner.dispose();
  }
}
