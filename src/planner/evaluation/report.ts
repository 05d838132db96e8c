/** The figures of an evaluation, worked out from what was measured in each scene. */
import type { ClipReport } from '../imagination/events.js';
import type { Sampling } from '../imagination/request.js';
import { mean } from '../mean.js';
import type { EngineDescription } from '../runtime/engine.js';
import { verdictOn } from './instruction-following.js';
import { bootstrapInterval, type Interval, wilsonInterval } from './intervals.js';
import { decibels } from './metrics.js';
import type { SweepSetting } from './sampling-settings.js';
import type { ClipKind, ClipLikeness, ImaginedClip, SceneResult } from './scene-result.js';
import type { SceneSet } from './scene-set.js';

/** How often the last frame is nearest to the one that it should be. Rates are of 0 to 1. */
export interface Following {
  readonly following: number;
  /** Wilson's, 95 %. */
  readonly interval: Interval;
  /** The same by the colours alone, without brightness. */
  readonly followingByColour: number;
  /** 1 is nearest. */
  readonly meanRank: number;
  /** -1 to 1. */
  readonly meanMargin: number;
  /** Of one clip a scene. */
  readonly count: number;
}

/** Mean over scenes, and its bootstrapped 95 % interval. */
export interface Mean {
  readonly mean: number;
  readonly interval: Interval;
}

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
  /** No text at all: how often the original is followed by guessing from the frame. */
  readonly blank: Following & { readonly psnr: number };
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
  > & { readonly count: number };
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
  const commanded = following(firstOf(results, 'commanded'));
  const ms = results.flatMap((result) => commandedOf(result).map((each) => each.ms));
  const heldOut = firstOf(results, 'heldOut');
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
    instructionFollowingMean: withInterval(
      results.map((result) => mean(commandedOf(result).map((each) => (isFollowed(each) ? 1 : 0)))),
    ),
    ...(heldOut.length === 0 ? {} : { heldOutWordings: following(heldOut) }),
    swapped: {
      ...following(firstOf(results, 'swapped')),
      originalNearest: mean(originals.map((each) => (isFollowed(each) ? 1 : 0))),
    },
    blank: { ...following(firstOf(results, 'blank')), psnr: mean(firstOf(results, 'blank').map(psnrOf)) },
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
    psnrByFrame: byFrame(results.flatMap((result) => commandedOf(result).flatMap(likenessesOf))),
    ceilingPsnrByFrame: byFrame(results.map((result) => result.ceiling.likeness)),

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

/** How the numbers were made, for people who compare them with others. */
function protocolOf(
  { numFrames, width, height }: ClipReport,
  { width: cameraWidth, height: cameraHeight }: SceneSet,
  seeds: number,
): string[] {
  const size = `${width}x${height}`;
  const camera = `${cameraWidth}x${cameraHeight}`;
  return [
    `Truth: JPEG pictures of ${camera}${camera === size ? ', as they are' : `, centre brought to ${size} by the planner's own Lanczos kernel and rounded to 8 bits`}; ${numFrames} frames spread evenly over the episode, the first and the last among them.`,
    'Given: the first frame alone, and the command in a training wording.',
    `Seeds: clip k of scene s has the seed 1000 s + k. psnr and ssim: the best of ${seeds}, for each scene and measure; psnrMean and ssimMean: their mean.`,
    `PSNR: 8-bit RGB, peak 255, from the mean squared error over all ${numFrames} frames of a clip, the given one included; then the mean over scenes. copyFirst and ceiling likewise.`,
    "SSIM: scikit-image's default on 8-bit RGB (7x7 windows of equal weight, K1 0.01, K2 0.03, sample covariance), mean over frames, then over scenes.",
    'Following: the last frame is strictly nearer, in mean squared pixel error, to the true last frame of its command than to that of any other command of the scene; first seed. By colour: the same after the mean of red, green and blue is taken from every pixel. Chance: the mean of 1 / commands.',
    'Rank 1 is nearest. Margin: (other - own) / (other + own), other being the nearest of the others.',
    'Another execution: the same command carried out by the simulator with other decisions (path, pace, grasp, place), against the recorded one; where the expert succeeds at it.',
    'Swapped: another command of the scene, drawn from its seed. Blank: frame guidance 1 and text guidance 0, so only the branch with empty texts counts.',
    "Intervals: 95 %; Wilson's for rates, 2000 bootstrap resamples of the scenes for means.",
  ];
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
      const figures = following(firstOf(members, 'commanded'));
      return [family, { ...figures, chance: chanceOf(members), psnrMean: mean(psnrs) }];
    }),
  );
}

function sweepRow(results: readonly SceneResult[], setting: SweepSetting, index: number): SweepRow {
  const clips = results.flatMap(({ clips }) => clips.filter((each) => each.setting === index));
  const { following: rate, followingByColour } = following(clips);
  return {
    ...setting,
    following: rate,
    followingByColour,
    psnr: mean(clips.map(psnrOf)),
    msPerClip: median(clips.map(({ ms }) => ms)),
  };
}

type Judged = Pick<ImaginedClip, 'distances' | 'command'>;

function following(clips: readonly Judged[]): Following {
  const verdicts = clips.map(({ distances, command }) => verdictOn(distances.pixels, command));
  const byColour = clips.filter(({ distances, command }) => verdictOn(distances.colours, command).followed);
  const followed = verdicts.filter((verdict) => verdict.followed).length;
  return {
    following: followed / clips.length,
    interval: wilsonInterval(followed, clips.length) ?? UNKNOWN,
    followingByColour: byColour.length / clips.length,
    meanRank: mean(verdicts.map(({ rank }) => rank)),
    meanMargin: mean(verdicts.map(({ margin }) => margin)),
    count: clips.length,
  };
}

function isFollowed({ distances, command }: Judged): boolean {
  return verdictOn(distances.pixels, command).followed;
}

function rateOf(results: readonly SceneResult[], judged: (result: SceneResult) => Judged): number {
  return mean(results.map((result) => (isFollowed(judged(result)) ? 1 : 0)));
}

function chanceOf(results: readonly SceneResult[]): number {
  return mean(results.map(({ commands }) => 1 / commands.length));
}

function commandedOf({ clips }: SceneResult): ImaginedClip[] {
  return clips.filter(({ kind }) => kind === 'commanded');
}

/** The first clip of that kind of every scene that has one. */
function firstOf(results: readonly SceneResult[], kind: ClipKind): ImaginedClip[] {
  return results.flatMap(({ clips }) => clips.filter((each) => each.kind === kind).slice(0, 1));
}

function likenessesOf({ likeness }: ImaginedClip): ClipLikeness[] {
  return likeness === undefined ? [] : [likeness];
}

const psnrOf = ({ likeness }: ImaginedClip): number =>
  likeness === undefined ? Number.NaN : clipPsnr(likeness);
const ssimOf = ({ likeness }: ImaginedClip): number => likeness?.ssim ?? Number.NaN;

/** All frames have the same number of pixels, so the clip's error is the mean of theirs. */
function clipPsnr({ frameErrors }: ClipLikeness): number {
  return decibels(mean(frameErrors));
}

function byFrame(likenesses: readonly ClipLikeness[]): number[] {
  const frames = likenesses[0]?.frameErrors ?? [];
  return frames.map((_, frame) =>
    decibels(mean(likenesses.map(({ frameErrors }) => frameErrors[frame] as number))),
  );
}

function withInterval(values: readonly number[]): Mean {
  return { mean: mean(values), interval: intervalOf(values) };
}

const UNKNOWN: Interval = [Number.NaN, Number.NaN];

function intervalOf(values: readonly number[]): Interval {
  return bootstrapInterval(values) ?? UNKNOWN;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1] as number, sorted[Math.floor(middle)] as number];
  return (low + high) / 2;
}
