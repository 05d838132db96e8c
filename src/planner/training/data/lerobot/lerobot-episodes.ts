/** LeRobot data sets: what the robot measured in Parquet files, what its cameras saw in videos or pictures. */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { decodeFrame } from '../../../conditioning/frame.js';
import { AidError } from '../../../errors.js';
import type { LerobotConfig } from '../data-config.js';
import { checkFrameIndices, type Episode, type EpisodeSet, type OpenedRecording } from '../episode.js';
import { byNumber, describeFiles, isFolder, namesIn } from '../files.js';
import { readTimeline } from '../videos/video-file.js';
import { videoEpisode } from '../videos/video-recordings.js';
import {
  filled,
  infoSchema,
  type LerobotInfo,
  readJsonAs,
  readJsonLinesAs,
  readParquetAs,
} from './lerobot-files.js';

/** One episode, whatever the version of its data set. */
interface ListedEpisode {
  readonly index: number;
  readonly tasks: readonly string[];
  readonly length: number;
  /** Its rows are `from` to `from + length` of this file. */
  readonly data: { readonly file: string; readonly from: number };
  /** Its pictures start at this second of this file. */
  readonly video?: { readonly file: string; readonly start: number };
}

/** The episodes of a data set. Errors: `invalid-data`, naming what is missing. */
export async function lerobotEpisodes({ lerobot: folder, camera }: LerobotConfig): Promise<EpisodeSet> {
  const info = readJsonAs(join(folder, 'meta', 'info.json'), infoSchema);
  const key = cameraOf(folder, info, camera);
  const isVideo = info.features[key]?.dtype === 'video';
  const listed = info.codebase_version.startsWith('v3')
    ? await listV3(folder, info, key, isVideo)
    : listV2(folder, info, key, isVideo);
  if (listed.length === 0) throw new AidError('invalid-data', `${folder}: no episode`);
  const recordings = listed.map((episode) => {
    const id = `episode-${String(episode.index).padStart(6, '0')}`;
    const name = `${folder}: episode ${episode.index}`;
    const files = episode.video === undefined ? [episode.data.file] : [episode.data.file, episode.video.file];
    const { content, stamp } = describeFiles(`${id} ${episode.length}`, files, {
      camera: key,
      fps: info.fps,
      ...placesIn(folder, episode),
    });
    return {
      name,
      id,
      content: `${content} ${episode.tasks.join('; ')}`,
      stamp,
      open: () => openEpisode(name, info, key, episode),
    };
  });
  return { folder, noun: 'episodes', recordings, skipped: [] };
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

const v2Episode = z.object({ episode_index: z.int(), tasks: z.array(z.string()), length: z.int() });

function listV2(folder: string, info: LerobotInfo, key: string, isVideo: boolean): ListedEpisode[] {
  const episodes = readJsonLinesAs(join(folder, 'meta', 'episodes.jsonl'), v2Episode);
  return episodes.map(({ episode_index: index, tasks, length }) => {
    const values = {
      episode_chunk: Math.floor(index / info.chunks_size),
      episode_index: index,
      video_key: key,
    };
    const data = { file: join(folder, filled(info.data_path, values)), from: 0 };
    if (!isVideo) return { index, tasks, length, data };
    const file = join(folder, filled(videoPathOf(folder, info), values));
    return { index, tasks, length, data, video: { file, start: 0 } };
  });
}

const whole = z.union([z.bigint(), z.int()]).transform(Number);
const v3Episode = z.looseObject({
  episode_index: whole,
  tasks: z.array(z.string()),
  length: whole,
  'data/chunk_index': whole,
  'data/file_index': whole,
  dataset_from_index: whole,
});

async function listV3(
  folder: string,
  info: LerobotInfo,
  key: string,
  isVideo: boolean,
): Promise<ListedEpisode[]> {
  const videoColumns = ['chunk_index', 'file_index', 'from_timestamp'].map((name) => `videos/${key}/${name}`);
  const columns = [...Object.keys(v3Episode.shape), ...(isVideo ? videoColumns : [])];
  const listed: ListedEpisode[] = [];
  /** Where each data file's rows begin among all rows. */
  const starts = new Map<string, number>();
  for (const file of parquetBelow(join(folder, 'meta', 'episodes'))) {
    for (const row of await readParquetAs(file, { columns }, v3Episode)) {
      const place = { chunk_index: row['data/chunk_index'], file_index: row['data/file_index'] };
      const data = join(folder, filled(info.data_path, place));
      const { episode_index: index, tasks, length, dataset_from_index: first } = row;
      const start = starts.get(data) ?? first;
      starts.set(data, start);
      const episode = { index, tasks, length, data: { file: data, from: first - start } };
      if (!isVideo) listed.push(episode);
      else {
        const [chunk, number, from] = videoColumns.map((column) => Number(row[column])) as [
          number,
          number,
          number,
        ];
        const values = { video_key: key, chunk_index: chunk, file_index: number };
        const video = join(folder, filled(videoPathOf(folder, info), values));
        listed.push({ ...episode, video: { file: video, start: from } });
      }
    }
  }
  return listed;
}

function videoPathOf(folder: string, { video_path: path }: LerobotInfo): string {
  if (typeof path === 'string') return path;
  throw new AidError('invalid-data', `${folder}: meta/info.json has a camera with videos and no video_path`);
}

function parquetBelow(folder: string): string[] {
  return namesIn(folder)
    .sort(byNumber)
    .flatMap((name) => {
      const path = join(folder, name);
      if (isFolder(path)) return parquetBelow(path);
      return name.endsWith('.parquet') ? [path] : [];
    });
}

async function openEpisode(
  name: string,
  info: LerobotInfo,
  key: string,
  { tasks, length, data, video }: ListedEpisode,
): Promise<OpenedRecording> {
  const [instruction, ...others] = tasks.map((task) => task.trim()).filter((task) => task !== '');
  const fail = (what: string): never => {
    throw new AidError('invalid-data', `${name}: ${what}`);
  };
  if (instruction === undefined) return fail('no task');
  if (others.length > 0) return fail(`${tasks.length} tasks in one episode, expected one`);
  if (!existsSync(data.file)) fail(`no ${data.file}`);
  if (video === undefined)
    return { skipped: [], episodes: [pictureEpisode(name, instruction, info, key, length, data)] };
  if (!existsSync(video.file)) fail(`no ${video.file}`);
  const timeline = await readTimeline(video.file);
  const half = 0.5 / info.fps;
  const begin = timeline.times.findIndex(
    (time) => Number(time) * timeline.secondsPerUnit >= video.start - half,
  );
  const times = begin < 0 ? [] : timeline.times.slice(begin, begin + length);
  if (times.length < length) fail(`${video.file} has ${times.length} of its ${length} pictures`);
  return { skipped: [], episodes: [videoEpisode(video.file, name, instruction, timeline, times)] };
}

/** Pictures as PNG or JPEG inside the Parquet file, as Hugging Face's `Image` feature stores them. */
function pictureEpisode(
  name: string,
  instruction: string,
  { fps }: LerobotInfo,
  key: string,
  frameCount: number,
  { file, from }: ListedEpisode['data'],
): Episode {
  const picture = z.object({ bytes: z.instanceof(Uint8Array) });
  return {
    name,
    instruction,
    frameCount,
    framesPerSecond: fps,
    metadata: {},
    readFrames: async (indices) => {
      checkFrameIndices(name, indices, frameCount);
      const [low, high] = [Math.min(...indices), Math.max(...indices)];
      const rows = await readParquetAs(
        file,
        { columns: [key], from: from + low, to: from + high + 1 },
        z.object({ [key]: picture }),
      );
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
