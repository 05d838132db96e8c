/** What a data set holds, what a run would use of it, and what it would skip and why. */
import { encodeFilmstrip } from '../../conditioning/animation.js';
import type { Frame } from '../../conditioning/frame.js';
import { fittedFrame } from '../../conditioning/image-tensors.js';
import type { Tokenizer } from '../../conditioning/tokenizer.js';
import { throwIfAborted } from '../../errors.js';
import { type TextFit, textFit } from '../text-fit.js';
import { type DataConfig, dataFolder } from './data-config.js';
import {
  describeRecordings,
  type Episode,
  evenlySpread,
  type Recording,
  reasonToSkip,
  type SkippedEpisode,
} from './episode.js';
import { openEpisodes } from './open-episodes.js';

export interface InspectOptions {
  /** Frames of a clip. */
  readonly numFrames: number;
  /** Of a clip, pixels. */
  readonly frame: { readonly width: number; readonly height: number };
  /** Recordings to open, from the first on; all of them unless said otherwise. */
  readonly limit?: number | undefined;
  /** Clips on the contact sheet. */
  readonly rows: number;
  /** Of the model that is to be trained, where it is known: tells which instructions it would not read whole. */
  readonly texts?: { readonly tokenizer: Tokenizer; readonly length: number } | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

/** One episode that a run would use. */
export interface InspectedEpisode {
  readonly name: string;
  readonly instruction: string;
  readonly frameCount: number;
  readonly framesPerSecond: number | undefined;
  /** Of its pictures. */
  readonly width: number;
  readonly height: number;
  /** Places of the frames of its clip; some twice where it is too short. */
  readonly used: readonly number[];
}

export interface DataInspection {
  readonly folder: string;
  /** Such as "12 bags (1a2b3c4d)". */
  readonly recordings: string;
  /** Fewer than all only with a limit. */
  readonly opened: number;
  readonly total: number;
  readonly numFrames: number;
  readonly episodes: readonly InspectedEpisode[];
  readonly skipped: readonly SkippedEpisode[];
  /** Only where the model's tokenizer is known. */
  readonly textFit: TextFit | undefined;
  /** Places in `episodes` of the rows of the contact sheet. */
  readonly sheetRows: readonly number[];
}

export type InspectEvent =
  | { readonly kind: 'recording'; readonly done: number; readonly total: number }
  | {
      readonly kind: 'end';
      readonly inspection: DataInspection;
      /** A PNG with a clip in each row as a model gets it; undefined when nothing can be used. */
      readonly sheet: Uint8Array | undefined;
    };

/**
 * Opens every recording and decodes what a clip of it would consist of, so that what is told to be usable is.
 * Errors: `invalid-data` for a folder that holds nothing of its kind; `aborted`.
 */
export async function* inspectData(
  config: DataConfig,
  { numFrames, frame, limit, rows, texts, abortSignal }: InspectOptions,
): AsyncGenerator<InspectEvent, void, undefined> {
  const set = await openEpisodes(config);
  const recordings = set.recordings.slice(0, limit);
  const episodes: InspectedEpisode[] = [];
  const skipped: SkippedEpisode[] = [...set.skipped];
  const usable: Episode[] = [];
  for (const [index, recording] of recordings.entries()) {
    throwIfAborted(abortSignal);
    for (const each of await usableEpisodes(recording, numFrames, skipped)) {
      usable.push(each.episode);
      episodes.push(each.inspected);
    }
    yield { kind: 'recording', done: index + 1, total: recordings.length };
  }
  const sheetRows = [...new Set(evenlySpread(episodes.length, Math.min(rows, episodes.length)))];
  const strips: Frame[] = [];
  for (const row of episodes.length === 0 ? [] : sheetRows) {
    throwIfAborted(abortSignal);
    const clip = await (usable[row] as Episode).readFrames((episodes[row] as InspectedEpisode).used);
    strips.push(...(await Promise.all(clip.map((each) => fittedFrame(each, frame)))));
  }
  yield {
    kind: 'end',
    inspection: {
      folder: dataFolder(config),
      recordings: describeRecordings(set),
      opened: recordings.length,
      total: set.recordings.length,
      numFrames,
      episodes,
      skipped,
      textFit:
        texts === undefined
          ? undefined
          : textFit(
              episodes.map(({ instruction }) => instruction),
              texts.tokenizer,
              texts.length,
            ),
      sheetRows: episodes.length === 0 ? [] : sheetRows,
    },
    sheet: strips.length === 0 ? undefined : await encodeFilmstrip(strips, { columns: numFrames }),
  };
}

async function usableEpisodes(
  recording: Recording,
  numFrames: number,
  skipped: SkippedEpisode[],
): Promise<{ readonly episode: Episode; readonly inspected: InspectedEpisode }[]> {
  const found: { readonly episode: Episode; readonly inspected: InspectedEpisode }[] = [];
  try {
    const opened = await recording.open();
    for (const part of opened.skipped) skipped.push(part);
    for (const episode of opened.episodes) {
      try {
        found.push({ episode, inspected: await inspected(episode, numFrames) });
      } catch (error) {
        skipped.push({ name: episode.name, reason: reasonToSkip(error) });
      }
    }
  } catch (error) {
    skipped.push({ name: recording.name, reason: reasonToSkip(error) });
  }
  return found;
}

async function inspected(episode: Episode, numFrames: number): Promise<InspectedEpisode> {
  const { name, instruction, frameCount, framesPerSecond } = episode;
  const used = evenlySpread(frameCount, numFrames);
  const [first] = await episode.readFrames(used);
  const { width, height } = first as Frame;
  return { name, instruction, frameCount, framesPerSecond, width, height, used };
}
