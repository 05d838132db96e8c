/** Which episodes of a data set are measured. */
import { throwIfAborted } from '../errors.js';
import { Random } from '../random.js';
import {
  type Episode,
  type EpisodeSet,
  reasonToSkip,
  type SkippedEpisode,
} from '../training/data/episode.js';

export interface DrawnEpisodes {
  /** In the data set's order. */
  readonly episodes: readonly Episode[];
  /** What they were drawn from: those that can be opened, or all recordings where not every one was. */
  readonly total: number;
  readonly skipped: readonly SkippedEpisode[];
}

/**
 * `count` episodes that can be opened, the same for the same seed; all of them unless said otherwise. Opens no more
 * recordings than it takes where each is one episode. Errors: `aborted`.
 */
export async function drawEpisodes(
  { recordings, isEpisodeEach, skipped: unlisted }: EpisodeSet,
  { count, seed, abortSignal }: DrawOptions,
): Promise<DrawnEpisodes> {
  const skipped = [...unlisted];
  const opened = async (index: number): Promise<readonly Episode[]> => {
    throwIfAborted(abortSignal);
    const recording = recordings[index] as EpisodeSet['recordings'][number];
    try {
      const { episodes, skipped: parts } = await recording.open();
      for (const part of parts) skipped.push(part);
      return episodes;
    } catch (error) {
      skipped.push({ name: recording.name, reason: reasonToSkip(error) });
      return [];
    }
  };
  if (count === undefined || !isEpisodeEach) {
    const all: Episode[] = [];
    for (const index of recordings.keys()) for (const episode of await opened(index)) all.push(episode);
    const chosen = drawn(all.length, seed).slice(0, count ?? all.length);
    return { episodes: inOrder(chosen).map((index) => all[index] as Episode), total: all.length, skipped };
  }
  const found = new Map<number, Episode>();
  for (const index of drawn(recordings.length, seed)) {
    if (found.size === count) break;
    for (const episode of await opened(index)) found.set(index, episode);
  }
  const episodes = inOrder([...found.keys()]).map((index) => found.get(index) as Episode);
  return { episodes, total: recordings.length, skipped };
}

export interface DrawOptions {
  readonly count?: number | undefined;
  readonly seed: number;
  readonly abortSignal?: AbortSignal | undefined;
}

/** Indices below `count` in the order in which they are drawn. */
function drawn(count: number, seed: number): number[] {
  const random = new Random(seed, 4);
  const keyed = Array.from({ length: count }, (_, index) => ({ index, key: random.uniform() }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ index }) => index);
}

const inOrder = (indices: readonly number[]): number[] => indices.toSorted((a, b) => a - b);
