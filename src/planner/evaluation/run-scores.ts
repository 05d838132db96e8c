/** What a saved run was measured to be: `scores.json`. */
import type { DifferenceMap } from './difference-map.js';
import type { FollowingFigures } from './following.js';
import type { Interval } from './intervals.js';

/** A number with everything that it depends on. */
export interface Score {
  readonly name: 'psnr' | 'ssim' | 'lpips' | 'fvd' | 'kvd' | 'kvd_seer' | 'fid' | 'sensitivity';
  /** What is compared, in words. */
  readonly of: string;
  readonly value: number;
  /** 95 %, over samples: a clip counts with all its frames and its truth. Absent where it was not asked for. */
  readonly interval?: Interval;
  /** Means of samples are bootstrapped; of distances between sets, samples are left out in turn. */
  readonly intervalBy: 'bootstrap' | 'jackknife';
  readonly unit: string;
  readonly protocol: string;
  /** Clips on each side; of `fid`, pictures. */
  readonly sampleCount: number;
  /** What the network saw; `none` where pixels are compared as they are. */
  readonly resize: string;
  /** Of the network that made the features. */
  readonly weightsSha256?: string;
  /** Of a jackknife: groups of clips that were left out. */
  readonly resamples: number;
  readonly seed: number;
}

/** A measure that these clips do not allow. */
export interface NotMeasured {
  readonly name: Score['name'];
  /** Such as `stylegan-v`. */
  readonly protocol: string;
  readonly reason: string;
}

/** How much a clip changes with the command alone: the same noise, another instruction. */
export interface Sensitivity {
  readonly kind: 'swapped' | 'blank' | 'another';
  readonly count: number;
  /** When: mean absolute difference of each frame in turn, of 255. */
  readonly byFrame: readonly number[];
  /** Where: over the frames that were not given, and all samples. */
  readonly byPlace: DifferenceMap;
}

export interface SampleScore {
  readonly name: string;
  /** dB, of each frame of the commanded clip; null: exactly the truth. */
  readonly psnrByFrame: readonly (number | null)[];
  readonly psnr: number;
  readonly ssim: number;
  /** Absent where it was not asked for. */
  readonly lpips?: number;
}

/** As an evaluation has it, by the same code. */
export interface FollowingScore extends FollowingFigures {
  /** Scenes whose outcomes are known. */
  readonly sampleCount: number;
  readonly protocol: readonly string[];
}

/** What a run's clips follow from. */
export interface RunIdentity {
  /** Of `run.json`. */
  readonly sha256: string;
  readonly modelSha256: string;
  readonly data: string;
  readonly sampling: Readonly<Record<string, string | number>>;
}

export interface RunScores {
  readonly run: RunIdentity;
  /** Absent where the run keeps no true outcomes of other commands. */
  readonly following?: FollowingScore;
  readonly scores: readonly Score[];
  readonly notMeasured: readonly NotMeasured[];
  readonly psnrByFrame: readonly number[];
  readonly sensitivity: readonly Sensitivity[];
  readonly samples: readonly SampleScore[];
}

export const withInterval = (score: Score, interval: Interval | undefined): Score =>
  interval === undefined ? score : { ...score, interval };
