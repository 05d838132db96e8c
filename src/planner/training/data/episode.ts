/** What training and evaluation read: a video of the arm doing what an instruction says. */
import { createHash } from 'node:crypto';
import type { Frame } from '../../conditioning/frame.js';
import { AidError } from '../../errors.js';

export interface Episode {
  /** Where it is from, for messages: a file, or a file and a part of it. */
  readonly name: string;
  readonly instruction: string;
  readonly frameCount: number;
  /** Pictures a second of the recording, where it tells. */
  readonly framesPerSecond?: number;
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

/** A file or folder of a data set, listed but not yet read. It holds one episode or several. */
export interface Recording {
  /** A path, for messages. */
  readonly name: string;
  /** Unique in its set (`openEpisodes` sees to it) and fit for a file name. */
  readonly id: string;
  /** Its name and size: changes when another one takes its place, and not when it is copied. */
  readonly content: string;
  /** Changes whenever its files are written, and with all that decides what is read of them. */
  readonly stamp: string;
  /** Errors: `invalid-data`, naming it. */
  open(): Promise<OpenedRecording>;
}

export interface OpenedRecording {
  readonly episodes: readonly Episode[];
  /** Parts of it that are no episodes, such as a command without pictures. */
  readonly skipped: readonly SkippedEpisode[];
}

/** A data set as its config names it. */
export interface EpisodeSet {
  /** Where it lies. */
  readonly folder: string;
  /** What its recordings are called: `bags`, `trajectories`, `episodes`, `videos`. */
  readonly noun: string;
  /** In a fixed order; at least one. */
  readonly recordings: readonly Recording[];
  /** Whether each of them is one episode, if it can be read: which ones can then be chosen before they are opened. */
  readonly isEpisodeEach: boolean;
  /** What the listing itself left out, such as a video without a caption. */
  readonly skipped: readonly SkippedEpisode[];
}

/** A few words that change when recordings come, go, or change their size. */
export function describeRecordings({ noun, recordings }: Pick<EpisodeSet, 'noun' | 'recordings'>): string {
  const hash = createHash('sha256');
  for (const { content } of recordings) hash.update(`${content}\n`);
  return `${recordings.length} ${noun} (${hash.digest('hex').slice(0, 8)})`;
}

/** What cannot be read is left out and told; any other error is not the episode's. */
export function reasonToSkip(error: unknown): string {
  if (AidError.isInstance(error) && (error.code === 'invalid-data' || error.code === 'invalid-image'))
    return error.message;
  throw error;
}

/** What `list` gives; nothing where it cannot be read, which is told in `skipped` under `name`. */
export function orSkipped<Item>(
  name: string,
  skipped: SkippedEpisode[],
  list: () => readonly Item[],
): readonly Item[] {
  try {
    return list();
  } catch (error) {
    skipped.push({ name, reason: reasonToSkip(error) });
    return [];
  }
}

/** Indices of `count` frames spread evenly over a video, its first and its last among them. */
export function evenlySpread(frameCount: number, count: number): number[] {
  if (count === 1) return [0];
  return Array.from({ length: count }, (_, i) => Math.round((i * (frameCount - 1)) / (count - 1)));
}

/** Errors: `invalid-argument` for a frame that the episode has not. */
export function checkFrameIndices(name: string, indices: readonly number[], frameCount: number): void {
  const odd = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= frameCount);
  if (odd !== undefined) throw new AidError('invalid-argument', `${name}: no frame ${odd} of ${frameCount}`);
}
