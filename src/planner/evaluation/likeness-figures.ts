/** How alike clips and the truth are, over scenes. */
import { mean } from '../mean.js';
import { bootstrapInterval, type Interval } from './intervals.js';
import { decibels } from './metrics.js';
import type { ClipKind, ClipLikeness, ImaginedClip, SceneResult } from './scene-result.js';

/** Mean over scenes, and its bootstrapped 95 % interval. */
export interface Mean {
  readonly mean: number;
  readonly interval: Interval;
}

export function meanWithInterval(values: readonly number[]): Mean {
  return { mean: mean(values), interval: intervalOf(values) };
}

export function intervalOf(values: readonly number[]): Interval {
  return bootstrapInterval(values) ?? [Number.NaN, Number.NaN];
}

export function commandedOf({ clips }: SceneResult): ImaginedClip[] {
  return clips.filter(({ kind }) => kind === 'commanded');
}

/** The first clip of that kind of every scene that has one. */
export function firstOf(results: readonly SceneResult[], kind: ClipKind): ImaginedClip[] {
  return results.flatMap(({ clips }) => clips.filter((each) => each.kind === kind).slice(0, 1));
}

export function likenessesOf({ likeness }: ImaginedClip): ClipLikeness[] {
  return likeness === undefined ? [] : [likeness];
}

export const psnrOf = ({ likeness }: ImaginedClip): number =>
  likeness === undefined ? Number.NaN : clipPsnr(likeness);
export const ssimOf = ({ likeness }: ImaginedClip): number => likeness?.ssim ?? Number.NaN;

/** dB. All frames have the same number of pixels, so the clip's error is the mean of theirs. */
export function clipPsnr({ frameErrors }: ClipLikeness): number {
  return decibels(mean(frameErrors));
}

/** dB, of the mean error of each frame in turn. */
export function psnrByFrame(likenesses: readonly ClipLikeness[]): number[] {
  const frames = likenesses[0]?.frameErrors ?? [];
  return frames.map((_, frame) =>
    decibels(mean(likenesses.map(({ frameErrors }) => frameErrors[frame] as number))),
  );
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1] as number, sorted[Math.floor(middle)] as number];
  return (low + high) / 2;
}
