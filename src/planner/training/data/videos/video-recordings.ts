/** Folders of videos with a captions file: Something-Something V2, EPIC-KITCHENS-100, UCF-101, or one's own. */
import { basename, dirname, extname, relative } from 'node:path';
import { AidError } from '../../../errors.js';
import type { VideosConfig } from '../data-config.js';
import {
  checkFrameIndices,
  type Episode,
  type EpisodeSet,
  type OpenedRecording,
  orSkipped,
  type Recording,
  type SkippedEpisode,
} from '../episode.js';
import { describeFiles, entriesIn, idOf } from '../files.js';
import { type Caption, readCaptions } from './captions.js';
import { readPictures, readTimeline, type VideoTimeline } from './video-file.js';

const ENDINGS = ['.mp4', '.webm', '.avi', '.mkv', '.mov', '.m4v', '.mpg'];

/** The videos that have captions, by path. Errors: `invalid-data`. */
export function videoRecordings({ videos: folder, captions: captionsFile }: VideosConfig): EpisodeSet {
  const skipped: SkippedEpisode[] = [];
  const files = videosBelow(folder, skipped);
  if (files.length === 0)
    throw new AidError(
      'invalid-data',
      skipped[0]?.reason ?? `${folder}: no video below it (${ENDINGS.join(' ')})`,
    );
  const captions = new Map<string, Caption[]>();
  const { captions: read, skipped: rows } = readCaptions(captionsFile);
  for (const row of rows) skipped.push(row);
  for (const caption of read) {
    const key = withoutEnding(caption.video);
    captions.set(key, [...(captions.get(key) ?? []), caption]);
  }
  const used = new Set<string>();
  const recordings: Recording[] = [];
  for (const path of files) {
    const place = withoutEnding(relative(folder, path));
    const key = [place, basename(place), dirname(place), basename(dirname(place))].find((each) =>
      captions.has(each),
    );
    if (key === undefined) {
      skipped.push({ name: path, reason: `${path}: no caption in ${captionsFile}` });
      continue;
    }
    used.add(key);
    recordings.push(recording(path, idOf(folder, path), captions.get(key) as Caption[]));
  }
  for (const key of captions.keys()) {
    if (!used.has(key))
      skipped.push({ name: key, reason: `${captionsFile}: ${key}: no such video in ${folder}` });
  }
  if (recordings.length === 0)
    throw new AidError(
      'invalid-data',
      `${folder}: none of its ${files.length} videos has a caption in ${captionsFile}`,
    );
  const isEpisodeEach = [...captions.values()].every((each) => each.length === 1);
  return { folder, noun: 'videos', recordings, isEpisodeEach, skipped };
}

function videosBelow(folder: string, skipped: SkippedEpisode[]): string[] {
  return entriesIn(folder, skipped).flatMap(({ name, path, isFolder }) => {
    if (isFolder) return orSkipped(path, skipped, () => videosBelow(path, skipped));
    return ENDINGS.includes(extname(name).toLowerCase()) ? [path] : [];
  });
}

function withoutEnding(name: string): string {
  return ENDINGS.includes(extname(name).toLowerCase()) ? name.slice(0, -extname(name).length) : name;
}

function recording(path: string, id: string, captions: readonly Caption[]): Recording {
  const { content, stamp } = describeFiles(id, [path], { captions });
  const said = captions.map(({ text, start, stop }) => `${start ?? ''}-${stop ?? ''} ${text}`).join('; ');
  return {
    name: path,
    id,
    content: `${content} ${said}`,
    stamp,
    open: () => openVideo(path, captions),
  };
}

async function openVideo(path: string, captions: readonly Caption[]): Promise<OpenedRecording> {
  const timeline = await readTimeline(path);
  const episodes: Episode[] = [];
  const skipped: SkippedEpisode[] = [];
  for (const [index, caption] of captions.entries()) {
    const name =
      captions.length === 1 ? path : `${path}: caption ${index + 1} of ${captions.length}, "${caption.text}"`;
    const times = timesOf(timeline, caption);
    if (times.length > 0) episodes.push(videoEpisode(path, name, caption.text, timeline, times));
    else
      skipped.push({
        name,
        reason: `${name}: no picture from ${caption.start ?? 0} to ${caption.stop ?? 'its end'} s`,
      });
  }
  return { episodes, skipped };
}

/** The part of a video that shows one thing; `times` are among its timeline's. */
export function videoEpisode(
  path: string,
  name: string,
  instruction: string,
  timeline: VideoTimeline,
  times: BigInt64Array,
): Episode {
  const seconds = Number((times.at(-1) as bigint) - (times[0] as bigint)) * timeline.secondsPerUnit;
  return {
    name,
    instruction,
    frameCount: times.length,
    ...(seconds > 0 ? { framesPerSecond: (times.length - 1) / seconds } : {}),
    metadata: {},
    readFrames: async (indices) => {
      checkFrameIndices(name, indices, times.length);
      return readPictures(
        path,
        timeline,
        indices.map((index) => times[index] as bigint),
      );
    },
  };
}

/** Times between a caption's start and stop, counted from the first picture. */
function timesOf({ times, secondsPerUnit }: VideoTimeline, { start, stop }: Caption): BigInt64Array {
  const [origin = 0n] = times;
  return times.filter((time) => {
    const seconds = Number(time - origin) * secondsPerUnit;
    return seconds >= (start ?? 0) && seconds <= (stop ?? Number.POSITIVE_INFINITY);
  });
}
