/** The figures of an evaluation, worked out from what was measured in each scene. */
import type { ClipReport } from '../imagination/events.js';
import type { Sampling } from '../imagination/request.js';
import { mean } from '../mean.js';
import type { EngineDescription } from '../runtime/engine.js';
import {
  byFamily,
  type Following,
  type FollowingFigures,
  firstOf,
  followedRate,
  followingFigures,
  followingOf,
} from './following.js';
import { type Interval, intervalOf, meanWithInterval } from './intervals.js';
import {
  clipPsnr,
  commandedOf,
  likenessesOf,
  median,
  psnrByFrame,
  psnrOf,
  ssimOf,
} from './likeness-figures.js';
import { protocolOf } from './report-protocol.js';
import type { SweepSetting } from './sampling-settings.js';
import type { ImaginedClip, SceneResult } from './scene-result.js';
import type { SceneSet } from './scene-set.js';

/** Following, and dB. */
export type FollowingWithPsnr = Following & {
  readonly psnr: number;
  readonly intervals: Readonly<Record<'psnr', Interval>>;
};

export interface SweepRow extends SweepSetting, FollowingWithPsnr {
  /** Median. */
  readonly msPerClip: number;
}

/** In JSON, `null` stands for an infinite PSNR: two clips alike. `intervals`, of 95 %, have the names of what they are of. */
export interface EvaluationReport extends Omit<FollowingFigures, 'perFamily' | 'blank' | 'intervals'> {
  /** dB, of the best of the seeds. */
  readonly psnr: number;
  readonly ssim: number;
  readonly psnrMean: number;
  readonly ssimMean: number;
  /** Of the true clip through the autoencoder. */
  readonly ceilingPsnr: number;
  readonly ceilingSsim: number;
  /** Of the first frame, shown all the time. */
  readonly copyFirstPsnr: number;
  readonly copyFirstSsim: number;
  readonly perFamily: Readonly<
    Record<
      string,
      FollowingFigures['perFamily'][string] & {
        readonly psnrMean: number;
        readonly intervals: Readonly<Record<'psnrMean', Interval>>;
      }
    >
  >;
  /** No text at all: how often the original is followed by guessing from the frame. Absent where not asked for. */
  readonly blank?: FollowingWithPsnr;
  /** Of the last frame that the autoencoder makes of the true one. */
  readonly ceilingFollowing: number;
  /**
   * Of the command truly carried out in another way, itself no imagination: what a clip reaches that is right and does
   * not know which of the futures was recorded. Absent where the scenes have none.
   */
  readonly anotherExecution?: {
    readonly following: number;
    readonly psnr: number;
    readonly ssim: number;
    readonly count: number;
    readonly intervals: Readonly<Record<'following' | 'psnr' | 'ssim', Interval>>;
  };
  readonly intervals: FollowingFigures['intervals'] &
    Readonly<Record<LikenessName | 'ceilingFollowing', Interval>>;
  /** dB, of the mean squared error of each frame in turn, over all scenes and seeds. */
  readonly psnrByFrame: readonly number[];
  readonly ceilingPsnrByFrame: readonly number[];

  readonly sweep?: readonly SweepRow[];

  readonly speed: {
    readonly clips: number;
    /** Median of the commanded clips. */
    readonly msPerClip: number;
    readonly clipsPerSecond: number;
  };
  /** Of the clips. */
  readonly video: { readonly width: number; readonly height: number; readonly framesPerSecond: number };
  readonly model: ClipReport['model'];
  readonly engine: EngineDescription;
  readonly sampling: Sampling;
  /** Clips of the commanded instruction in each scene. */
  readonly seeds: number;
  readonly scenes: Pick<
    SceneSet,
    'seeds' | 'generator' | 'fingerprint' | 'variant' | 'width' | 'height' | 'framesPerSecond' | 'skipped'
  > & {
    readonly count: number;
    /** Of them, those whose command was carried out in another way than the seed's, or is another one. */
    readonly standIns: number;
    /** Commands possible in them at which the expert fails: how many for which reason. No clip is judged by them. */
    readonly failedCommands: Readonly<Record<string, number>>;
  };
  readonly statesWrittenBy: string;
  readonly warnings: readonly string[];
  readonly protocol: readonly string[];
}

type LikenessName =
  | 'psnr'
  | 'ssim'
  | 'psnrMean'
  | 'ssimMean'
  | 'ceilingPsnr'
  | 'ceilingSsim'
  | 'copyFirstPsnr'
  | 'copyFirstSsim';

export interface ReportContext {
  readonly set: SceneSet;
  readonly video: EvaluationReport['video'];
  /** Of any commanded clip. */
  readonly clip: ClipReport;
  readonly seeds: number;
  readonly sweep: readonly SweepSetting[];
  readonly warnings: readonly string[];
}

export function evaluationReport(
  results: readonly SceneResult[],
  { set, video, clip, seeds, sweep, warnings }: ReportContext,
): EvaluationReport {
  const likeness: Readonly<Record<LikenessName, readonly number[]>> = {
    psnr: results.map((result) => Math.max(...commandedOf(result).map(psnrOf))),
    ssim: results.map((result) => Math.max(...commandedOf(result).map(ssimOf))),
    psnrMean: results.map(meanPsnrOf),
    ssimMean: results.map((result) => mean(commandedOf(result).map(ssimOf))),
    ceilingPsnr: results.map((result) => clipPsnr(result.ceiling.likeness)),
    ceilingSsim: results.map((result) => result.ceiling.likeness.ssim),
    copyFirstPsnr: results.map((result) => clipPsnr(result.copyFirst.likeness)),
    copyFirstSsim: results.map((result) => result.copyFirst.likeness.ssim),
  };
  const { blank: _, ...following } = followingFigures(results);
  const blank = firstOf(results, 'blank');
  const ceiling = followedRate(
    results.map(({ ceiling: { distances }, commanded: command }) => ({ distances, command })),
  );
  const ms = results.flatMap((result) => commandedOf(result).map((each) => each.ms));
  return {
    ...following,
    ...mapped(likeness, mean),
    perFamily: perFamily(results, following.perFamily),
    ...(blank.length === 0 ? {} : { blank: withPsnr(blank) }),
    ceilingFollowing: ceiling.mean,
    ...anotherExecution(results),
    intervals: {
      ...following.intervals,
      ...mapped(likeness, intervalOf),
      ceilingFollowing: ceiling.interval,
    },
    psnrByFrame: psnrByFrame(results.flatMap((result) => commandedOf(result).flatMap(likenessesOf))),
    ceilingPsnrByFrame: psnrByFrame(results.map((result) => result.ceiling.likeness)),

    ...(sweep.length === 0
      ? {}
      : { sweep: sweep.map((setting, index) => sweepRow(results, setting, index)) }),

    speed: {
      clips: ms.length,
      msPerClip: median(ms),
      clipsPerSecond: 1000 / mean(ms),
    },
    video: { width: video.width, height: video.height, framesPerSecond: video.framesPerSecond },
    model: clip.model,
    engine: clip.engine,
    sampling: clip.sampling,
    seeds,
    scenes: {
      seeds: set.seeds,
      count: results.length,
      standIns: set.scenes.filter(({ standIn }) => standIn !== undefined).length,
      failedCommands: countsOf(set.scenes.map(({ failedCommands }) => failedCommands)),
      skipped: set.skipped,
      generator: set.generator,
      fingerprint: set.fingerprint,
      variant: set.variant,
      width: set.width,
      height: set.height,
      framesPerSecond: set.framesPerSecond,
    },
    statesWrittenBy: clip.statesWrittenBy,
    warnings,
    protocol: protocolOf(clip, set, seeds),
  };
}

function anotherExecution(results: readonly SceneResult[]): Pick<EvaluationReport, 'anotherExecution'> {
  const executed = results.flatMap(({ again, commanded }) =>
    again === undefined ? [] : [{ ...again, command: commanded }],
  );
  if (executed.length === 0) return {};
  const following = followedRate(executed);
  const psnr = meanWithInterval(executed.map(({ likeness }) => clipPsnr(likeness)));
  const ssim = meanWithInterval(executed.map(({ likeness }) => likeness.ssim));
  return {
    anotherExecution: {
      following: following.mean,
      psnr: psnr.mean,
      ssim: ssim.mean,
      count: executed.length,
      intervals: { following: following.interval, psnr: psnr.interval, ssim: ssim.interval },
    },
  };
}

function perFamily(
  results: readonly SceneResult[],
  following: FollowingFigures['perFamily'],
): EvaluationReport['perFamily'] {
  return Object.fromEntries(
    byFamily(results).map(([family, members]) => {
      const figures = following[family] as FollowingFigures['perFamily'][string];
      const psnr = meanWithInterval(members.map(meanPsnrOf));
      const intervals = { ...figures.intervals, psnrMean: psnr.interval };
      return [family, { ...figures, psnrMean: psnr.mean, intervals }];
    }),
  );
}

/** Over the clips of every seed. */
const meanPsnrOf = (result: SceneResult): number => mean(commandedOf(result).map(psnrOf));

function sweepRow(results: readonly SceneResult[], setting: SweepSetting, index: number): SweepRow {
  const clips = results.flatMap(({ clips }) => clips.filter((each) => each.setting === index));
  return { ...setting, ...withPsnr(clips), msPerClip: median(clips.map(({ ms }) => ms)) };
}

function withPsnr(clips: readonly ImaginedClip[]): FollowingWithPsnr {
  const following = followingOf(clips);
  const psnr = meanWithInterval(clips.map(psnrOf));
  return {
    ...following,
    psnr: psnr.mean,
    intervals: { ...following.intervals, psnr: psnr.interval },
  };
}

/** Of all of them together. */
function countsOf(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [name, count] of all.flatMap(Object.entries)) counts[name] = (counts[name] ?? 0) + count;
  return counts;
}

function mapped<Name extends string, Value>(
  values: Readonly<Record<Name, readonly number[]>>,
  map: (values: readonly number[]) => Value,
): Record<Name, Value> {
  const names = Object.keys(values) as Name[];
  return Object.fromEntries(names.map((name) => [name, map(values[name])])) as Record<Name, Value>;
}
