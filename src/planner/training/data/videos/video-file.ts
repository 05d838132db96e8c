/** Video files of any format that ffmpeg reads, through the package node-av, which has ffmpeg inside. */
import type { Demuxer, Packet, Frame as Picture, Stream } from 'node-av';
import { type Frame, frameFromRaw } from '../../../conditioning/frame.js';
import { AidError } from '../../../errors.js';
import { type Turn, turned, turnOf } from './display-matrix.js';
import { WholeFile } from './whole-file.js';

export interface VideoTimeline {
  /** Presentation times of its pictures in its own unit, sorted. */
  readonly times: BigInt64Array;
  readonly secondsPerUnit: number;
  /** Whether every packet says when its picture is shown. AVI's do not: their pictures are counted from the start. */
  readonly isTimed: boolean;
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

/**
 * Times of all pictures; nothing is decoded where the packets tell them. Errors: `invalid-data`, naming the file, also
 * for one that was cut off or lost pictures; `engine-unavailable`; `io-failed`.
 */
export async function readTimeline(path: string): Promise<VideoTimeline> {
  const timeline = await withVideo(path, async (av, input, stream) => {
    const whole = new WholeFile(av, input, stream);
    const times: bigint[] = [];
    let isTimed = true;
    for await (const packet of packetsOf(av, input)) {
      whole.check(packet);
      // What an edit list cuts off is decoded, but not shown.
      if (packet.streamIndex !== stream.index || packet.hasFlags(av.AV_PKT_FLAG_DISCARD)) continue;
      times.push(packet.pts);
      isTimed &&= packet.pts !== av.AV_NOPTS_VALUE;
    }
    if (times.length === 0) throw new Error('it has no pictures');
    whole.checkEnd();
    const { num, den } = stream.timeBase;
    return { times: BigInt64Array.from(times).sort(), secondsPerUnit: num / den, isTimed };
  });
  return timeline.isTimed ? timeline : { ...timeline, times: await decodedTimes(path) };
}

async function decodedTimes(path: string): Promise<BigInt64Array> {
  return withVideo(path, async (av, input, stream) => {
    const times: bigint[] = [];
    for await (const { bestEffortTimestamp } of picturesOf(av, input, stream))
      times.push(bestEffortTimestamp);
    return BigInt64Array.from(times);
  });
}

/** The pictures at these times of its timeline, in that order, as they are shown. Errors: those of `readTimeline`. */
export async function readPictures(
  path: string,
  timeline: VideoTimeline,
  times: readonly bigint[],
): Promise<Frame[]> {
  if (timeline.isTimed) {
    try {
      return await picturesAt(path, timeline, times, true);
    } catch (error) {
      if (AidError.isInstance(error) && error.code !== 'invalid-data') throw error;
      // Not every format can seek, and not every key picture can be begun with: damage is damage from the start on, too.
    }
  }
  return picturesAt(path, timeline, times, false);
}

async function picturesAt(
  path: string,
  { secondsPerUnit }: VideoTimeline,
  times: readonly bigint[],
  seeks: boolean,
): Promise<Frame[]> {
  return withVideo(path, async (av, input, stream) => {
    const wanted = [...new Set(times)].sort((a, b) => (a < b ? -1 : 1));
    const found = new Map<bigint, Frame>();
    if (seeks) await input.seek(Number(wanted[0] ?? 0n) * secondsPerUnit, -1, av.AVSEEK_FLAG_BACKWARD);
    const scaler = new av.Scaler();
    try {
      for await (const picture of picturesOf(av, input, stream)) {
        const next = wanted[found.size];
        if (next === undefined || picture.bestEffortTimestamp > next) break;
        if (picture.bestEffortTimestamp < next) continue;
        const { width, height } = picture;
        const data = await scaler.toBuffer(picture, { format: 'rgb' });
        const frame = frameFromRaw({ width, height, data, encoding: 'rgb8' });
        const turn = turnFor(av, stream, picture);
        found.set(next, turn === undefined ? frame : turned(frame, turn));
      }
    } finally {
      scaler.close();
    }
    return times.map((time) => {
      const frame = found.get(time);
      if (frame !== undefined) return frame;
      throw new Error(`it is damaged: no picture at ${(Number(time) * secondsPerUnit).toFixed(2)} s`);
    });
  });
}

/** The picture's own, where it has one, or else that of the whole video. */
function turnFor(av: NodeAv, { codecpar }: Stream, picture: Picture): Turn | undefined {
  const matrix =
    picture.getSideData(av.AV_FRAME_DATA_DISPLAYMATRIX) ??
    codecpar.getCodedSideData(av.AV_PKT_DATA_DISPLAYMATRIX);
  return matrix === null ? undefined : turnOf(matrix);
}

/**
 * The pictures of a stream from where the file is being read, each valid until the next one is asked for.
 * Errors: for one that cannot be decoded, or only with parts made up.
 */
async function* picturesOf(av: NodeAv, input: Demuxer, stream: Stream): AsyncGenerator<Picture> {
  const decoder = await av.Decoder.create(stream, { options: { err_detect: 'explode' } });
  try {
    for await (const packet of packetsOf(av, input)) {
      if (packet.streamIndex === stream.index) yield* freed(await decoder.decodeAll(packet));
    }
    yield* freed(await decoder.decodeAll(null));
  } finally {
    decoder.close();
  }
}

function* freed(pictures: readonly Picture[]): Generator<Picture> {
  let index = 0;
  try {
    for (const picture of pictures) {
      yield picture;
      picture.free();
      index += 1;
    }
  } finally {
    for (const picture of pictures.slice(index)) picture.free();
  }
}

/**
 * The packets of all streams, each valid until the next one is asked for. The package's own generator needs node 22.
 * Errors: when reading stops before the file's end.
 */
async function* packetsOf(av: NodeAv, input: Demuxer): AsyncGenerator<Packet> {
  const context = input.getFormatContext();
  const packet = new av.Packet();
  packet.alloc();
  try {
    for (;;) {
      const status = await context.readFrame(packet);
      if (status === av.AVERROR_EOF) return;
      av.FFmpegError.throwIfError(status, 'it could not be read to its end');
      yield packet;
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
    const isOfTheMachine =
      cause instanceof av.FFmpegError &&
      [av.AVERROR_EMFILE, av.AVERROR_ENOMEM].some((code) => code === cause.code);
    throw new AidError(isOfTheMachine ? 'io-failed' : 'invalid-data', message, { cause });
  }
}
