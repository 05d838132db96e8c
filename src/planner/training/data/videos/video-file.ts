/** Video files of any format that ffmpeg reads, through the package node-av, which has ffmpeg inside. */
import type { Demuxer, Packet, Frame as Picture, Stream } from 'node-av';
import { type Frame, frameFromRaw } from '../../../conditioning/frame.js';
import { AidError } from '../../../errors.js';

/** Presentation times of a video's pictures in its own unit, sorted, and how long that unit is. */
export interface VideoTimeline {
  readonly times: readonly bigint[];
  readonly secondsPerUnit: number;
}

type NodeAv = typeof import('node-av');

/** Only who reads videos needs it: its programs take 170 MB. */
async function nodeAv(path: string): Promise<NodeAv> {
  try {
    const av = await import('node-av');
    av.Log.setLevel(av.AV_LOG_FATAL);
    return av;
  } catch (cause) {
    throw new AidError(
      'engine-unavailable',
      `${path}: videos are read through the package node-av, which cannot be loaded here; "npm install node-av" installs it`,
      { cause },
    );
  }
}

/** Times of all pictures; nothing is decoded. Errors: `invalid-data`, naming the file; `engine-unavailable`. */
export async function readTimeline(path: string): Promise<VideoTimeline> {
  return withVideo(path, async (av, input, stream) => {
    const times: bigint[] = [];
    for await (const { pts, dts } of packetsOf(av, input, stream))
      times.push(pts === av.AV_NOPTS_VALUE ? dts : pts);
    if (times.length === 0) throw new Error('it has no pictures');
    times.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const { num, den } = stream.timeBase;
    return { times, secondsPerUnit: num / den };
  });
}

/** The pictures at these times of its timeline, in that order. Errors: `invalid-data`, `engine-unavailable`. */
export async function readPictures(
  path: string,
  { secondsPerUnit }: VideoTimeline,
  times: readonly bigint[],
): Promise<Frame[]> {
  return withVideo(path, async (av, input, stream) => {
    const wanted = [...new Set(times)].sort((a, b) => (a < b ? -1 : 1));
    const found = new Map<bigint, Frame>();
    // Formats that cannot seek are read from their start.
    await input.seek(Number(wanted[0] ?? 0n) * secondsPerUnit, -1, av.AVSEEK_FLAG_BACKWARD);
    const decoder = await av.Decoder.create(stream);
    const scaler = new av.Scaler();
    /** Takes the first picture that is not before the time wanted next. */
    const take = async (pictures: readonly Picture[]): Promise<void> => {
      for (const picture of pictures) {
        const next = wanted[found.size];
        if (next !== undefined && picture.bestEffortTimestamp >= next) {
          const { width, height } = picture;
          const data = await scaler.toBuffer(picture, { format: 'rgb' });
          found.set(next, frameFromRaw({ width, height, data, encoding: 'rgb8' }));
        }
        picture.free();
      }
    };
    try {
      for await (const packet of packetsOf(av, input, stream)) {
        await take(await decoder.decodeAll(packet));
        if (found.size === wanted.length) break;
      }
      if (found.size < wanted.length) await take(await decoder.decodeAll(null));
    } finally {
      scaler.close();
      decoder.close();
    }
    return times.map((time) => {
      const frame = found.get(time);
      if (frame !== undefined) return frame;
      throw new Error(`it ends before ${(Number(time) * secondsPerUnit).toFixed(2)} s, or is damaged there`);
    });
  });
}

/**
 * The packets of a stream, each valid until the next one is asked for. The package's own generator needs node 22.
 * What cannot be read ends the video, as players have it: the pictures that are missing are told by who wants them.
 */
async function* packetsOf(av: NodeAv, input: Demuxer, stream: Stream): AsyncGenerator<Packet> {
  const context = input.getFormatContext();
  const packet = new av.Packet();
  packet.alloc();
  try {
    while ((await context.readFrame(packet)) >= 0) {
      if (packet.streamIndex === stream.index) yield packet;
      packet.unref();
    }
  } finally {
    packet.free();
  }
}

async function withVideo<Result>(
  path: string,
  read: (av: NodeAv, input: Demuxer, stream: Stream) => Promise<Result>,
): Promise<Result> {
  const av = await nodeAv(path);
  try {
    const input = await av.Demuxer.open(path);
    try {
      const stream = input.video();
      if (stream === undefined) throw new Error('it has no pictures');
      return await read(av, input, stream);
    } finally {
      await input.close();
    }
  } catch (cause) {
    const message = `${path}: could not be read as a video: ${(cause as Error).message}`;
    throw new AidError('invalid-data', message, { cause });
  }
}
