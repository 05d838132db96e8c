/** How alike clips and the truth are, over scenes. */
import { mean } from '../mean.js';
import { decibels } from './metrics.js';
import type { ClipLikeness, ImaginedClip, SceneResult } from './scene-result.js';

export function commandedOf({ clips }: SceneResult): ImaginedClip[] {
  return clips.filter(({ kind }) => kind === 'commanded');
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
