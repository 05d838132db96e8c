/** How far clips of one instruction differ between seeds: where they agree, the model is sure of what will happen. */
import type { Frame } from '../planner/conditioning/frame.js';
import { AidError } from '../planner/errors.js';
import { mean } from '../planner/mean.js';
import { atOnce, type Steps } from '../planner/turns.js';

/** Pixels between two places to pause. */
const PIXELS_A_STEP = 16_384;

/** Standard deviations over clips, of colours from 0 to 1: 0 is full agreement. */
export interface Spread {
  readonly numClips: number;
  /** For each frame the deviation at each pixel, row by row, [H * W]; the mean over the three colours. */
  readonly perPixel: readonly Float32Array[];
  /** For each frame the mean over its pixels. */
  readonly perFrame: readonly number[];
  /** The mean over the frames. */
  readonly overall: number;
}

/** Errors: `invalid-argument` for fewer than two clips, or clips of different lengths or sizes. */
export function spreadOf(clips: readonly (readonly Frame[])[]): Spread {
  return atOnce(spreadInSteps(clips));
}

/** `spreadOf`, a step of which blocks for a millisecond or so. */
export function* spreadInSteps(clips: readonly (readonly Frame[])[]): Steps<Spread> {
  const [first] = clips;
  if (first === undefined || clips.length < 2)
    throw new AidError('invalid-argument', `spread: expected at least two clips, got ${clips.length}`);
  const perPixel: Float32Array[] = [];
  for (const [index, frame] of first.entries()) {
    const frames = clips.map((clip) => sameSize(clip[index], frame, index));
    perPixel.push(yield* deviations(frames.map(({ data }) => data)));
  }
  if (clips.some(({ length }) => length !== first.length))
    throw new AidError('invalid-argument', 'spread: expected clips of one length');
  const perFrame = perPixel.map((pixels) => mean(pixels));
  return { numClips: clips.length, perPixel, perFrame, overall: mean(perFrame) };
}

/** Clips of one shape, added up. */
export interface ClipSum {
  readonly numClips: number;
  /** Of each frame the colours from 0 to 255, [H * W * 3]. */
  readonly frames: readonly Uint32Array[];
}

export function* sumInSteps(clips: readonly (readonly Frame[])[]): Steps<ClipSum> {
  const frames = (clips[0] ?? []).map(({ data }) => new Uint32Array(data.length));
  for (const clip of clips)
    for (const [index, sum] of frames.entries()) {
      const data = clip[index]?.data ?? [];
      for (let i = 0; i < sum.length; i++) {
        if (i % (3 * PIXELS_A_STEP) === 0) yield;
        sum[i] = (sum[i] as number) + (data[i] ?? 0);
      }
    }
  return { numClips: clips.length, frames };
}

/** Mean absolute difference of one of the clips from the mean of all, of colours from 0 to 1. */
export function* distanceFromMean(clip: readonly Frame[], { numClips, frames }: ClipSum): Steps<number> {
  let [sum, count] = [0, 0];
  for (const [index, { data }] of clip.entries()) {
    const total = frames[index] ?? [];
    count += data.length;
    for (let i = 0; i < data.length; i++) {
      if (i % (3 * PIXELS_A_STEP) === 0) yield;
      sum += Math.abs((data[i] as number) - (total[i] ?? 0) / numClips);
    }
  }
  return count === 0 ? 0 : sum / (255 * count);
}

/** RGB images of one size -> [H * W], the sample's deviation (n - 1). */
function* deviations(images: readonly Uint8Array[]): Steps<Float32Array> {
  const count = images.length;
  const pixels = new Float32Array((images[0]?.length ?? 0) / 3);
  for (let pixel = 0; pixel < pixels.length; pixel++) {
    if (pixel % PIXELS_A_STEP === 0) yield;
    let total = 0;
    for (let colour = 0; colour < 3; colour++) {
      let [sum, squares] = [0, 0];
      for (const data of images) {
        const value = (data[3 * pixel + colour] ?? 0) / 255;
        sum += value;
        squares += value * value;
      }
      total += Math.sqrt(Math.max(0, squares - (sum * sum) / count) / (count - 1));
    }
    pixels[pixel] = total / 3;
  }
  return pixels;
}

function sameSize(frame: Frame | undefined, { width, height }: Frame, index: number): Frame {
  if (frame?.width === width && frame.height === height) return frame;
  throw new AidError(
    'invalid-argument',
    `spread: frame ${index}: expected ${width}x${height}, got ${frame === undefined ? 'none' : `${frame.width}x${frame.height}`}`,
  );
}
