/** Measures a planner on scenes whose outcomes are known. */
import type { Frame } from '../conditioning/frame.js';
import { fittedFrame } from '../conditioning/image-tensors.js';
import { AidError } from '../errors.js';
import type { ClipReport } from '../imagination/events.js';
import type { Observation } from '../imagination/observation.js';
import type { ImagineRequest } from '../imagination/request.js';
import { Random } from '../random.js';
import type { VideoPlanner } from '../video-planner.js';
import { outcomeDistances } from './instruction-following.js';
import { meanSquaredError, ssim } from './metrics.js';
import { type EvaluationReport, evaluationReport } from './report.js';
import { BLANK, type SamplingChoice, type SweepSetting } from './sampling-settings.js';
import type { ClipKind, ClipLikeness, ImaginedClip, ReferenceClip, SceneResult } from './scene-result.js';
import type { Scene, SceneEntry, SceneSet } from './scene-set.js';

/** The part of a VideoPlanner that is measured. */
export type EvaluatedPlanner = Pick<
  VideoPlanner,
  'video' | 'engine' | 'sha256' | 'observe' | 'imagine' | 'reconstruct'
>;

export interface EvaluateOptions {
  readonly set: SceneSet;
  /** Clips of the commanded instruction in each scene; 4 unless said otherwise. */
  readonly seeds?: number;
  /** Instead of the model's own settings. */
  readonly sampling?: SamplingChoice;
  /** Other settings to try, one clip in each scene. */
  readonly sweep?: readonly SweepSetting[];
  /** Clips of a scene besides the commanded and the swapped ones; both unless said otherwise. */
  readonly also?: readonly OtherClip[] | undefined;
  /** Scenes that it knows are not measured again; the others are noted in it. */
  readonly journal?: SceneJournal | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

export type OtherClip = Extract<ClipKind, 'heldOut' | 'blank'>;

export type EvaluationEvent =
  | { readonly kind: 'clip'; readonly done: number; readonly total: number }
  | {
      readonly kind: 'scene';
      readonly scene: Scene;
      readonly result: SceneResult;
      /** The frames of `result.clips`, in their order; the first is the commanded instruction's first. */
      readonly imagined: readonly (readonly Frame[])[];
    }
  | { readonly kind: 'end'; readonly report: EvaluationReport; readonly scenes: readonly SceneResult[] };

export interface MeasuredScene {
  readonly result: SceneResult;
  readonly warnings: readonly string[];
  /** Of the scene's first clip. */
  readonly report: ClipReport;
}

/** Scenes measured before, by an evaluation that was stopped. */
export interface SceneJournal {
  /** How many are known. */
  readonly size: number;
  known(seed: number): MeasuredScene | undefined;
  append(scene: MeasuredScene, event: Extract<EvaluationEvent, { kind: 'scene' }>): Promise<void>;
}

const SEEDS = 4;
const ALL: readonly OtherClip[] = ['heldOut', 'blank'];
/** Clip k of scene s has the seed s * 1000 + k: other noise in every scene, the same in every evaluation. */
const SEEDS_PER_SCENE = 1000;
export const MAX_SEEDS = SEEDS_PER_SCENE;

interface ClipPlan {
  readonly kind: ClipKind;
  readonly instruction: string;
  readonly command: number;
  readonly seed: number;
  readonly setting?: number;
  readonly sampling: SamplingChoice;
}

/** Errors: those of the planner and of reading the scenes; `invalid-argument`, `aborted`. */
export async function* evaluate(
  planner: EvaluatedPlanner,
  options: EvaluateOptions,
): AsyncGenerator<EvaluationEvent, void, undefined> {
  const { set, seeds = SEEDS, sweep = [], sampling = {}, also = ALL, journal, abortSignal } = options;
  if (!Number.isInteger(seeds) || seeds < 1 || seeds > MAX_SEEDS)
    throw new AidError('invalid-argument', `seeds: expected 1 to ${MAX_SEEDS}, got ${seeds}`);
  const plansOf = (scene: Pick<SceneEntry, 'seed' | 'commands'>, commanded: number): ClipPlan[] =>
    clipPlans(scene, commanded, { seeds, sampling, sweep, also });
  const total = set.scenes.reduce((sum, scene) => sum + plansOf(scene, 0).length, 0);
  const results: SceneResult[] = [];
  const warnings = new Set<string>();
  let firstReport: ClipReport | undefined;
  let done = 0;
  for (const entry of set.scenes) {
    const known = journal?.known(entry.seed);
    if (known !== undefined) {
      results.push(known.result);
      firstReport ??= known.report;
      for (const warning of known.warnings) warnings.add(warning);
      done += known.result.clips.length;
      yield { kind: 'clip', done, total };
      continue;
    }
    const scene = await set.load(entry, planner.video);
    const observation = await planner.observe([scene.given]);
    const clips: ImaginedClip[] = [];
    const imagined: (readonly Frame[])[] = [];
    let sceneReport: ClipReport | undefined;
    const sceneWarnings = new Set<string>();
    for (const plan of plansOf(entry, scene.commanded)) {
      const { frames, report, ms } = await imagineClip(planner, observation, plan, abortSignal);
      imagined.push(frames);
      sceneReport ??= report;
      for (const warning of report.warnings) sceneWarnings.add(warning);
      clips.push(measured(plan, frames, scene, ms));
      yield { kind: 'clip', done: ++done, total };
    }
    const { seed, commands, commanded } = scene;
    const result: SceneResult = {
      seed,
      commands: commands.map(({ family, instruction, heldOutInstruction }) => ({
        family,
        instruction,
        heldOutInstruction,
      })),
      commanded,
      clips,
      copyFirst: reference(await copyOfFirst(scene, planner), scene),
      ceiling: reference(await planner.reconstruct(scene.clip), scene),
      ...(scene.again === undefined ? {} : { again: reference(scene.again, scene) }),
    };
    results.push(result);
    firstReport ??= sceneReport;
    for (const warning of sceneWarnings) warnings.add(warning);
    const event = { kind: 'scene', scene, result, imagined } as const;
    yield event;
    // After whoever listens has made what it wants of it.
    if (sceneReport !== undefined)
      await journal?.append({ result, warnings: [...sceneWarnings], report: sceneReport }, event);
  }
  if (firstReport === undefined)
    throw new AidError('invalid-data', `${set.folder}: expected at least one scene`);
  const { video } = planner;
  const context = { set, video, clip: firstReport, seeds, sweep, warnings: [...warnings] };
  yield { kind: 'end', report: evaluationReport(results, context), scenes: results };
}

/**
 * Imagines one clip in one step, of nothing in particular: what is wrong with the sampling is found before
 * anything takes long, and the time to load networks does not count as time to imagine.
 */
export async function warmUp(
  planner: EvaluatedPlanner,
  sampling: SamplingChoice = {},
  abortSignal?: AbortSignal,
): Promise<void> {
  const { width, height } = planner.video;
  const frame = { width, height, data: new Uint8Array(width * height * 3).fill(127) };
  const plan = { instruction: 'warm up', seed: 0, sampling: { ...sampling, numInferenceSteps: 1 } };
  await imagineClip(planner, await planner.observe([frame]), { ...plan, kind: 'commanded' }, abortSignal);
}

function clipPlans(
  { seed: sceneSeed, commands }: Pick<SceneEntry, 'seed' | 'commands'>,
  commanded: number,
  {
    seeds,
    sampling,
    sweep,
    also,
  }: Required<Pick<EvaluateOptions, 'seeds' | 'sampling' | 'sweep'>> & {
    readonly also: readonly OtherClip[];
  },
): ClipPlan[] {
  const seed = sceneSeed * SEEDS_PER_SCENE;
  const { instruction = '', heldOutInstruction = null } = commands[commanded] ?? {};
  const swapped = anotherCommand(sceneSeed, commanded, commands.length);
  const plan = { command: commanded, seed, sampling };
  return [
    ...Array.from({ length: seeds }, (_, k): ClipPlan => {
      return { ...plan, kind: 'commanded', instruction, seed: seed + k };
    }),
    ...(heldOutInstruction === null || !also.includes('heldOut')
      ? []
      : [{ ...plan, kind: 'heldOut', instruction: heldOutInstruction } as const]),
    { ...plan, kind: 'swapped', instruction: commands[swapped]?.instruction ?? '', command: swapped },
    ...(also.includes('blank') ? [{ ...plan, kind: 'blank', instruction } as const] : []),
    ...sweep.map((setting, index): ClipPlan => {
      return { ...plan, kind: 'sweep', instruction, setting: index, sampling: { ...sampling, ...setting } };
    }),
  ];
}

/** The place of any of the others, the same in every evaluation. */
export function anotherCommand(sceneSeed: number, commanded: number, count: number): number {
  const among = new Random(sceneSeed, 1).below(count - 1);
  return among < commanded ? among : among + 1;
}

async function imagineClip(
  planner: EvaluatedPlanner,
  observation: Observation,
  { kind, instruction, seed, sampling }: Pick<ClipPlan, 'kind' | 'instruction' | 'seed' | 'sampling'>,
  abortSignal: AbortSignal | undefined,
): Promise<{ frames: readonly Frame[]; report: ClipReport; ms: number }> {
  const request: ImagineRequest = {
    frames: observation,
    instruction,
    seed,
    ...sampling,
    ...(kind === 'blank' ? BLANK : {}),
    ...(abortSignal === undefined ? {} : { abortSignal }),
  };
  const started = performance.now();
  for await (const event of planner.imagine(request)) {
    if (event.kind === 'end')
      return { frames: event.frames, report: event.report, ms: performance.now() - started };
  }
  throw new AidError('engine-failed', 'imagine: expected a clip to end');
}

function measured(
  { kind, instruction, command, seed, setting }: ClipPlan,
  frames: readonly Frame[],
  scene: Scene,
  ms: number,
): ImaginedClip {
  const { distances, likeness } = reference(frames, scene);
  return {
    kind,
    instruction: kind === 'blank' ? '' : instruction,
    command,
    seed,
    ...(setting === undefined ? {} : { setting }),
    distances,
    ...(kind === 'swapped' ? {} : { likeness }),
    ms,
  };
}

function reference(frames: readonly Frame[], { clip, outcomes }: Scene): ReferenceClip {
  const last = frames.at(-1);
  if (last === undefined) throw new AidError('invalid-argument', 'frames: expected at least one');
  return { distances: outcomeDistances(last, outcomes), likeness: likenessOf(frames, clip) };
}

function likenessOf(frames: readonly Frame[], truth: readonly Frame[]): ClipLikeness {
  return {
    frameErrors: frames.map((frame, index) => meanSquaredError([frame], truth.slice(index, index + 1))),
    ssim: ssim(frames, truth),
  };
}

async function copyOfFirst({ given }: Scene, { video }: EvaluatedPlanner): Promise<Frame[]> {
  const first = await fittedFrame(given, video);
  return Array.from({ length: video.numFrames }, () => first);
}
