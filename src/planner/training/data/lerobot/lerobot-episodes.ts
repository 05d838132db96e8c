/** LeRobot data sets: what the robot measured in Parquet files, what its cameras saw in videos or pictures. */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { decodeFrame } from '../../../conditioning/frame.js';
import { AidError } from '../../../errors.js';
import { extent } from '../../../extent.js';
import type { LerobotConfig } from '../data-config.js';
import {
  checkFrameIndices,
  type Episode,
  type EpisodeSet,
  type OpenedRecording,
  orSkipped,
  type Recording,
  reasonToSkip,
  type SkippedEpisode,
} from '../episode.js';
import { describeFiles, entriesIn } from '../files.js';
import { firstAt } from '../first-at.js';
import { videoEpisode } from '../videos/video-recordings.js';
import {
  checked,
  filled,
  infoSchema,
  type LerobotInfo,
  type ReadRows,
  readEach,
  readJsonAs,
  readJsonLinesAs,
  readParquetAs,
  wholeNumber,
} from './lerobot-files.js';
import { SharedFiles } from './shared-files.js';

/** One episode, whatever the version of its data set. */
interface ListedEpisode {
  readonly index: number;
  readonly tasks: readonly string[];
  readonly length: number;
  /** Its rows begin in this file with the one of this `index` among all rows of the set; else with the first. */
  readonly data: { readonly file: string; readonly index?: number };
  /** Its pictures start at this second of this file. */
  readonly video?: { readonly file: string; readonly start: number };
}

type Listing = ReadRows<ListedEpisode>;

/** The episodes of a data set. Errors: `invalid-data`, naming what is missing. */
export async function lerobotEpisodes({ lerobot: folder, camera }: LerobotConfig): Promise<EpisodeSet> {
  const info = readJsonAs(join(folder, 'meta', 'info.json'), infoSchema);
  const key = cameraOf(folder, info, camera);
  const isVideo = info.features[key]?.dtype === 'video';
  const { rows: listed, skipped: odd } = info.codebase_version.startsWith('v3')
    ? await listV3(folder, info, key, isVideo)
    : listV2(folder, info, key, isVideo);
  const skipped = [...odd];
  const shared = new SharedFiles();
  const recordings = listed.flatMap((episode) => {
    const name = `${folder}: episode ${episode.index}`;
    return orSkipped(name, skipped, (): Recording[] => {
      const id = `episode-${String(episode.index).padStart(6, '0')}`;
      const { data, video } = episode;
      const files = video === undefined ? [data.file] : [data.file, video.file];
      const { content, stamp } = describeFiles(`${id} ${episode.length}`, files, {
        camera: key,
        fps: info.fps,
        ...placesIn(folder, episode),
      });
      return [
        {
          name,
          id,
          content: `${content} ${episode.tasks.join('; ')}`,
          stamp,
          open: () => openEpisode(name, info, key, episode, shared),
        },
      ];
    });
  });
  if (recordings.length === 0)
    throw new AidError('invalid-data', skipped[0]?.reason ?? `${folder}: no episode`);
  return { folder, noun: 'episodes', recordings, isEpisodeEach: true, skipped };
}

/** What `meta/` says of an episode, its files as places in the data set: that may be moved. */
function placesIn(folder: string, { data, video, ...rest }: ListedEpisode): Record<string, unknown> {
  return {
    ...rest,
    data: { ...data, file: relative(folder, data.file) },
    ...(video === undefined ? {} : { video: { ...video, file: relative(folder, video.file) } }),
  };
}

/** The feature with the pictures. Errors: `invalid-data` when there is none of that name. */
function cameraOf(folder: string, { features }: LerobotInfo, camera: string | undefined): string {
  const cameras = Object.keys(features).filter((key) =>
    ['video', 'image'].includes(features[key]?.dtype ?? ''),
  );
  const [first] = cameras;
  if (first === undefined) throw new AidError('invalid-data', `${folder}: no camera among its features`);
  if (camera === undefined || cameras.includes(camera)) return camera ?? first;
  throw new AidError('invalid-data', `${folder}: no camera ${camera}; it has ${cameras.join(', ')}`);
}

const length = z.int().positive();
const v2Episode = z.object({ episode_index: z.int(), tasks: z.array(z.string()), length });

function listV2(folder: string, info: LerobotInfo, key: string, isVideo: boolean): Listing {
  const { rows, skipped } = readJsonLinesAs(join(folder, 'meta', 'episodes.jsonl'), v2Episode);
  const listed = rows.map(({ episode_index: index, tasks, length }): ListedEpisode => {
    const values = {
      episode_chunk: Math.floor(index / info.chunks_size),
      episode_index: index,
      video_key: key,
    };
    const data = { file: join(folder, filled(info.data_path, values)) };
    if (!isVideo) return { index, tasks, length, data };
    const file = join(folder, filled(videoPathOf(folder, info), values));
    return { index, tasks, length, data, video: { file, start: 0 } };
  });
  return { rows: listed, skipped };
}

const v3Episode = z.object({
  episode_index: wholeNumber,
  tasks: z.array(z.string()),
  length: wholeNumber.pipe(length),
  'data/chunk_index': wholeNumber,
  'data/file_index': wholeNumber,
  dataset_from_index: wholeNumber,
});
/** Of an episode's video: the numbers of its chunk and of its file, and its first second there. */
const v3Video = z.tuple([wholeNumber, wholeNumber, z.number()]);

async function listV3(folder: string, info: LerobotInfo, key: string, isVideo: boolean): Promise<Listing> {
  const videoColumns = ['chunk_index', 'file_index', 'from_timestamp'].map((name) => `videos/${key}/${name}`);
  const columns = [...Object.keys(v3Episode.shape), ...(isVideo ? videoColumns : [])];
  const listed: ListedEpisode[] = [];
  const skipped: SkippedEpisode[] = [];
  for (const file of parquetBelow(join(folder, 'meta', 'episodes'), skipped)) {
    try {
      const rows = await readParquetAs(file, { columns }, z.array(z.record(z.string(), z.unknown())));
      const named = rows.map((row, index) => ({ row, name: `${file}: row ${index}` }));
      const read = readEach(named, ({ row, name }): ListedEpisode => {
        const { tasks, length, ...numbers } = checked(name, v3Episode, () => row);
        const place = { chunk_index: numbers['data/chunk_index'], file_index: numbers['data/file_index'] };
        const data = {
          file: join(folder, filled(info.data_path, place)),
          index: numbers.dataset_from_index,
        };
        const episode = { index: numbers.episode_index, tasks, length, data };
        if (!isVideo) return episode;
        const values = videoColumns.map((column) => row[column]);
        const [chunk, number, start] = checked(`${name}: video`, v3Video, () => values);
        const path = { video_key: key, chunk_index: chunk, file_index: number };
        return { ...episode, video: { file: join(folder, filled(videoPathOf(folder, info), path)), start } };
      });
      for (const row of read.rows) listed.push(row);
      for (const row of read.skipped) skipped.push(row);
    } catch (error) {
      skipped.push({ name: file, reason: reasonToSkip(error) });
    }
  }
  return { rows: listed, skipped };
}

function videoPathOf(folder: string, { video_path: path }: LerobotInfo): string {
  if (typeof path === 'string') return path;
  throw new AidError('invalid-data', `${folder}: meta/info.json has a camera with videos and no video_path`);
}

function parquetBelow(folder: string, skipped: SkippedEpisode[]): string[] {
  return entriesIn(folder, skipped).flatMap(({ path, isFolder }) => {
    if (isFolder) return orSkipped(path, skipped, () => parquetBelow(path, skipped));
    return path.endsWith('.parquet') ? [path] : [];
  });
}

async function openEpisode(
  name: string,
  info: LerobotInfo,
  key: string,
  { tasks, length, data, video }: ListedEpisode,
  shared: SharedFiles,
): Promise<OpenedRecording> {
  const [instruction, ...others] = tasks.map((task) => task.trim()).filter((task) => task !== '');
  const fail = (what: string): never => {
    throw new AidError('invalid-data', `${name}: ${what}`);
  };
  if (instruction === undefined) return fail('no task');
  if (others.length > 0) return fail(`${tasks.length} tasks in one episode, expected one`);
  if (!existsSync(data.file)) fail(`no ${data.file}`);
  if (video === undefined) {
    const from = data.index === undefined ? 0 : data.index - (await shared.firstIndex(data.file));
    const episode = pictureEpisode(name, instruction, info, key, length, { file: data.file, from });
    return { skipped: [], episodes: [episode] };
  }
  if (!existsSync(video.file)) fail(`no ${video.file}`);
  const timeline = await shared.timeline(video.file);
  // Half a picture early: seconds are rounded.
  const start = (video.start - 0.5 / info.fps) / timeline.secondsPerUnit;
  const begin = firstAt(timeline.times, BigInt(Math.ceil(start)));
  const times = timeline.times.slice(begin, begin + length);
  if (times.length < length) fail(`${video.file} has ${times.length} of its ${length} pictures`);
  return { skipped: [], episodes: [videoEpisode(video.file, name, instruction, timeline, times)] };
}

/**
 * Pictures as PNG or JPEG inside the Parquet file, as Hugging Face's `Image` feature stores them, in the rows from
 * `from` on.
 */
function pictureEpisode(
  name: string,
  instruction: string,
  { fps }: LerobotInfo,
  key: string,
  frameCount: number,
  { file, from }: { readonly file: string; readonly from: number },
): Episode {
  const picture = z.object({ [key]: z.object({ bytes: z.instanceof(Uint8Array) }) });
  return {
    name,
    instruction,
    frameCount,
    framesPerSecond: fps,
    metadata: {},
    readFrames: async (indices) => {
      checkFrameIndices(name, indices, frameCount);
      const [low, high] = extent(indices);
      const columns = { columns: [key], from: from + low, to: from + high + 1 };
      const rows = await readParquetAs(file, columns, z.array(picture));
      return Promise.all(
        indices.map(async (index) => {
          try {
            return await decodeFrame(rows[index - low]?.[key]?.bytes ?? new Uint8Array());
          } catch (cause) {
            throw new AidError('invalid-image', `${name}: frame ${index}: ${(cause as Error).message}`, {
              cause,
            });
          }
        }),
      );
    },
  };
}
