/** Trains and evaluates AID without each of its parts, every row on the same data for the same number of steps. */
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../../atomic-file.js';
import { AidError } from '../../errors.js';
import type { Engine } from '../../runtime/engine.js';
import { type RunEvent, run } from '../../training/run.js';
import { fingerprintOf } from '../../training/run-config.js';
import { VideoPlanner } from '../../video-planner.js';
import { type EvaluationEvent, evaluate, type MeasuredScene } from '../evaluate.js';
import type { Interval } from '../intervals.js';
import type { EvaluationReport } from '../report.js';
import { endSceneRun } from '../save-scenes.js';
import { isSavedRun, RunWriter } from '../saved-run.js';
import { ClipsJournal } from '../scene-journal.js';
import { openSceneSet, type SceneSet } from '../scene-set.js';
import type { AblationConfig } from './ablation-config.js';
import { checkBase } from './base-of-rows.js';
import { type AblationRow, withoutPart } from './rows.js';

/** What one row came to. */
export interface AblationResult {
  readonly name: string;
  readonly label: string;
  readonly tables: readonly number[];
  readonly trainedNumbers: number;
  readonly steps: number;
  /** Mean of the last tenth of the training losses. */
  readonly loss: number;
  readonly modelSha256: string;
  readonly scenes: number;
  readonly following: { readonly value: number; readonly interval: Interval };
  readonly swappedFollowing: { readonly value: number; readonly interval: Interval };
  readonly psnr: { readonly value: number; readonly interval: Interval };
  readonly ssim: { readonly value: number; readonly interval: Interval };
  readonly chance: number;
  /** Of the first frame, shown all the time. */
  readonly copyFirst: Reference;
  /** Of the truth through the autoencoder. */
  readonly ceiling: Reference;
}

/** What a row is measured against. */
export interface Reference {
  readonly following: number;
  readonly psnr: number;
  readonly ssim: number;
}

export type AblationEvent =
  | { readonly kind: 'row'; readonly row: AblationRow; readonly index: number; readonly total: number }
  | { readonly kind: 'training'; readonly row: AblationRow; readonly event: RunEvent }
  | { readonly kind: 'simulated'; readonly done: number; readonly total: number }
  | { readonly kind: 'evaluating'; readonly row: AblationRow; readonly done: number; readonly total: number }
  | { readonly kind: 'result'; readonly result: AblationResult }
  | { readonly kind: 'end'; readonly results: readonly AblationResult[] };

/** Of `result.json`: those of an older one are measured again. */
const RESULT_FORMAT = 2;

export interface AblateOptions {
  readonly engine: Engine;
  readonly abortSignal?: AbortSignal | undefined;
}

/**
 * Goes on where it was stopped: rows with a `result.json` of the same config and their clips in `run` are done, a row's
 * training has its checkpoint, its evaluation the scenes that it has measured. Errors: those of training and evaluating,
 * `invalid-config` where rows of other weights lie, `aborted`.
 */
export async function* ablate(
  config: AblationConfig,
  { engine, abortSignal }: AblateOptions,
): AsyncGenerator<AblationEvent, void, undefined> {
  const results: AblationResult[] = [];
  await checkBase(config, abortSignal);
  const set = yield* sceneSet(config, abortSignal);
  for (const [index, row] of config.rows.entries()) {
    yield { kind: 'row', row, index, total: config.rows.length };
    const file = join(config.output, row.name, 'result.json');
    const clips = join(config.output, row.name, 'run');
    const train = {
      ...config.train,
      output: join(config.output, row.name),
      recipe: withoutPart(config.train.recipe, row),
    };
    const { scenes, seeds, numInferenceSteps } = config;
    const { cache: _, ...range } = scenes;
    const fingerprint = JSON.stringify([
      RESULT_FORMAT,
      fingerprintOf(train),
      range,
      set.fingerprint,
      seeds,
      numInferenceSteps,
    ]);
    const known = readResult(file, fingerprint);
    if (known !== undefined && isSavedRun(clips)) {
      results.push(known);
      yield { kind: 'result', result: known };
      continue;
    }
    let trainedNumbers = 0;
    for await (const event of run(train, { engine, ...(abortSignal === undefined ? {} : { abortSignal }) })) {
      if (event.kind === 'start') trainedNumbers = event.trainedNumbers;
      yield { kind: 'training', row, event };
    }
    // Of another evaluation.
    if (isSavedRun(clips)) await rm(clips, { recursive: true });
    const writer = await RunWriter.open<MeasuredScene>(clips, fingerprint);
    let report: EvaluationReport;
    try {
      const place = { row, model: join(train.output, 'model'), set, writer };
      report = yield* evaluated(place, config, { engine, abortSignal });
    } finally {
      await writer.close();
    }
    const result: AblationResult = {
      name: row.name,
      label: row.label,
      tables: row.tables,
      trainedNumbers,
      steps: train.steps,
      loss: lastLoss(join(train.output, 'log.jsonl')),
      ...figuresOf(report),
    };
    await writeFileAtomically(file, (handle) =>
      handle.writeFile(`${JSON.stringify({ fingerprint, result, report }, null, 1)}\n`),
    );
    results.push(result);
    yield { kind: 'result', result };
  }
  yield { kind: 'end', results };
}

async function* sceneSet(
  { scenes: { from, to, cache } }: AblationConfig,
  abortSignal: AbortSignal | undefined,
): AsyncGenerator<AblationEvent, SceneSet> {
  for await (const event of openSceneSet({ seeds: { from, to }, cache, abortSignal })) {
    if (event.kind === 'end') return event.set;
    yield event;
  }
  throw new AidError('invalid-data', `${cache}: the scenes ended without their end`);
}

/** Keeps the clips, so that they can be scored by other measures. */
async function* evaluated(
  {
    row,
    model,
    set,
    writer,
  }: {
    readonly row: AblationRow;
    readonly model: string;
    readonly set: SceneSet;
    readonly writer: RunWriter<MeasuredScene>;
  },
  { seeds, numInferenceSteps }: AblationConfig,
  { engine, abortSignal }: AblateOptions,
): AsyncGenerator<AblationEvent, EvaluationReport> {
  // The engine is the ablation's own: the planner leaves it as it is.
  const planner = await VideoPlanner.load(model, {
    engine,
    ...(abortSignal === undefined ? {} : { abortSignal }),
  });
  try {
    const sampling = numInferenceSteps === undefined ? {} : { numInferenceSteps };
    let report: EvaluationReport | undefined;
    const journal = new ClipsJournal(writer);
    const options = { set, seeds, sampling, journal, abortSignal };
    const events: AsyncIterable<EvaluationEvent> = evaluate(planner, options);
    for await (const event of events) {
      if (event.kind === 'clip') yield { kind: 'evaluating', row, done: event.done, total: event.total };
      if (event.kind === 'end') ({ report } = event);
    }
    if (report === undefined)
      throw new AidError('engine-failed', `${model}: the evaluation ended without a report`);
    await endSceneRun(writer, report, planner.video.numFrames);
    return report;
  } finally {
    await planner.dispose();
  }
}

function figuresOf(
  report: EvaluationReport,
): Omit<AblationResult, 'name' | 'label' | 'tables' | 'trainedNumbers' | 'steps' | 'loss'> {
  const { commanded, swapped, intervals } = report;
  return {
    modelSha256: report.model.sha256,
    scenes: report.scenes.count,
    following: { value: commanded.following, interval: commanded.interval },
    swappedFollowing: { value: swapped.following, interval: swapped.interval },
    psnr: { value: report.psnrMean, interval: intervals.psnrMean },
    ssim: { value: report.ssimMean, interval: intervals.ssimMean },
    chance: report.chance,
    copyFirst: {
      following: report.copyFirstFollowing,
      psnr: report.copyFirstPsnr,
      ssim: report.copyFirstSsim,
    },
    ceiling: { following: report.ceilingFollowing, psnr: report.ceilingPsnr, ssim: report.ceilingSsim },
  };
}

function readResult(file: string, fingerprint: string): AblationResult | undefined {
  if (!existsSync(file)) return undefined;
  const stored = JSON.parse(readFileSync(file, 'utf8')) as { fingerprint: string; result: AblationResult };
  return stored.fingerprint === fingerprint ? stored.result : undefined;
}

function lastLoss(log: string): number {
  const losses = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const event = JSON.parse(line) as { kind: string; loss?: number };
      return event.kind === 'step' && event.loss !== undefined ? [event.loss] : [];
    });
  const last = losses.slice(-Math.ceil(losses.length / 10));
  return last.reduce((sum, loss) => sum + loss, 0) / last.length;
}
