/** The figures of an evaluation, worked out from what was measured in each scene. */
import type { ClipReport } from '../imagination/events.js';
import type { Sampling } from '../imagination/request.js';
import { mean } from '../mean.js';
import type { EngineDescription } from '../runtime/engine.js';
import { chanceOf, type Following, followingOf, isFollowed, rateOf } from './following.js';
import type { Interval } from './intervals.js';
import {
  clipPsnr,
  commandedOf,
  firstOf,
  intervalOf,
  likenessesOf,
  type Mean,
  meanWithInterval,
  median,
  psnrByFrame,
  psnrOf,
  ssimOf,
} from './likeness-figures.js';
import { protocolOf } from './report-protocol.js';
import type { SweepSetting } from './sampling-settings.js';
import type { SceneResult } from './scene-result.js';
import type { SceneSet } from './scene-set.js';

export interface SweepRow extends SweepSetting {
  readonly following: number;
  readonly followingByColour: number;
  readonly psnr: number;
  /** Median. */
  readonly msPerClip: number;
}

/** In JSON, `null` stands for an infinite PSNR: two clips alike. */
export interface EvaluationReport {
  /** Of the commanded instruction's first clip in each scene. */
  readonly instructionFollowing: number;
  /** Of a last frame picked among a scene's outcomes by lot. */
  readonly chance: number;
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
    Record<string, Following & { readonly chance: number; readonly psnrMean: number }>
  >;

  readonly commanded: Following;
  /** Of the clips of every seed. */
  readonly instructionFollowingMean: Mean;
  /** The same command in a wording that no training episode has. Absent where the scenes have none. */
  readonly heldOutWordings?: Following;
  /** Another command of the scene: whether that one is followed, and how often the original still is. */
  readonly swapped: Following & { readonly originalNearest: number };
  /** No text at all: how often the original is followed by guessing from the frame. Absent where not asked for. */
  readonly blank?: Following & { readonly psnr: number };
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
  };
  /** Of a first frame that stays as it is. */
  readonly copyFirstFollowing: number;
  readonly intervals: Readonly<Record<'psnr' | 'ssim' | 'psnrMean' | 'ssimMean' | 'ceilingPsnr', Interval>>;
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
  };
  readonly statesWrittenBy: string;
  readonly warnings: readonly string[];
  readonly protocol: readonly string[];
}

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
  const bestPsnr = results.map((result) => Math.max(...commandedOf(result).map(psnrOf)));
  const meanPsnr = results.map((result) => mean(commandedOf(result).map(psnrOf)));
  const bestSsim = results.map((result) => Math.max(...commandedOf(result).map(ssimOf)));
  const meanSsim = results.map((result) => mean(commandedOf(result).map(ssimOf)));
  const ceiling = results.map((result) => clipPsnr(result.ceiling.likeness));
  const commanded = followingOf(firstOf(results, 'commanded'));
  const ms = results.flatMap((result) => commandedOf(result).map((each) => each.ms));
  const heldOut = firstOf(results, 'heldOut');
  const blank = firstOf(results, 'blank');
  const originals = results.flatMap((result) =>
    firstOf([result], 'swapped').map(({ distances }) => ({ distances, command: result.commanded })),
  );
  return {
    instructionFollowing: commanded.following,
    chance: chanceOf(results),
    psnr: mean(bestPsnr),
    ssim: mean(bestSsim),
    psnrMean: mean(meanPsnr),
    ssimMean: mean(meanSsim),
    ceilingPsnr: mean(ceiling),
    ceilingSsim: mean(results.map((result) => result.ceiling.likeness.ssim)),
    copyFirstPsnr: mean(results.map((result) => clipPsnr(result.copyFirst.likeness))),
    copyFirstSsim: mean(results.map((result) => result.copyFirst.likeness.ssim)),
    perFamily: perFamily(results),

    commanded,
    instructionFollowingMean: meanWithInterval(
      results.map((result) => mean(commandedOf(result).map((each) => (isFollowed(each) ? 1 : 0)))),
    ),
    ...(heldOut.length === 0 ? {} : { heldOutWordings: followingOf(heldOut) }),
    swapped: {
      ...followingOf(firstOf(results, 'swapped')),
      originalNearest: mean(originals.map((each) => (isFollowed(each) ? 1 : 0))),
    },
    ...(blank.length === 0 ? {} : { blank: { ...followingOf(blank), psnr: mean(blank.map(psnrOf)) } }),
    ceilingFollowing: rateOf(results, ({ ceiling: { distances }, commanded: command }) => ({
      distances,
      command,
    })),
    copyFirstFollowing: rateOf(results, ({ copyFirst: { distances }, commanded: command }) => ({
      distances,
      command,
    })),
    ...anotherExecution(results),
    intervals: {
      psnr: intervalOf(bestPsnr),
      ssim: intervalOf(bestSsim),
      psnrMean: intervalOf(meanPsnr),
      ssimMean: intervalOf(meanSsim),
      ceilingPsnr: intervalOf(ceiling),
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
  return {
    anotherExecution: {
      following: mean(executed.map((each) => (isFollowed(each) ? 1 : 0))),
      psnr: mean(executed.map(({ likeness }) => clipPsnr(likeness))),
      ssim: mean(executed.map(({ likeness }) => likeness.ssim)),
      count: executed.length,
    },
  };
}

function perFamily(results: readonly SceneResult[]): EvaluationReport['perFamily'] {
  const familyOf = ({ commands, commanded }: SceneResult): string => commands[commanded]?.family ?? '';
  const families = [...new Set(results.map(familyOf))].sort();
  return Object.fromEntries(
    families.map((family) => {
      const members = results.filter((result) => familyOf(result) === family);
      const psnrs = members.map((result) => mean(commandedOf(result).map(psnrOf)));
      const figures = followingOf(firstOf(members, 'commanded'));
      return [family, { ...figures, chance: chanceOf(members), psnrMean: mean(psnrs) }];
    }),
  );
}

function sweepRow(results: readonly SceneResult[], setting: SweepSetting, index: number): SweepRow {
  const clips = results.flatMap(({ clips }) => clips.filter((each) => each.setting === index));
  const { following: rate, followingByColour } = followingOf(clips);
  return {
    ...setting,
    following: rate,
    followingByColour,
    psnr: mean(clips.map(psnrOf)),
    msPerClip: median(clips.map(({ ms }) => ms)),
  };
}
