/** What training and evaluation read: a video of the arm doing what an instruction says. */
import type { Frame } from '../../conditioning/frame.js';
import { AidError } from '../../errors.js';

export interface Episode {
  /** Where it is from, for messages: a file, or a file and a part of it. */
  readonly name: string;
  readonly instruction: string;
  readonly frameCount: number;
  /** What the recorder said about it, such as the family of its command. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Decodes the frames at these indices. Errors: `invalid-image`. */
  readFrames(indices: readonly number[]): Promise<Frame[]>;
}

/** An episode that could not be read, and why. */
export interface SkippedEpisode {
  readonly name: string;
  readonly reason: string;
}

/** What cannot be read is left out and told; any other error is not the episode's. */
export function reasonToSkip(error: unknown): string {
  if (AidError.isInstance(error) && (error.code === 'invalid-data' || error.code === 'invalid-image'))
    return error.message;
  throw error;
}

/** Indices of `count` frames spread evenly over a video, its first and its last among them. */
export function evenlySpread(frameCount: number, count: number): number[] {
  if (count === 1) return [0];
  return Array.from({ length: count }, (_, i) => Math.round((i * (frameCount - 1)) / (count - 1)));
}
