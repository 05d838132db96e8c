/** MCAP bags of ROS 2 messages that hold a clip and all that is needed to imagine it again. */
import { open } from 'node:fs/promises';
import { parse } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { McapIndexedReader, McapWriter } from '@mcap/core';
import { FileHandleReadable, FileHandleWritable } from '@mcap/nodejs';
import { loadDecompressHandlers } from '@mcap/support';
import { writeFileAtomically } from '../../planner/atomic-file.js';
import {
  AidError,
  type Frame,
  type ImagineRequest,
  type SamplerName,
  type StateTexts,
} from '../../planner/index.js';
import { type CdrMessageWriter, messageWriter } from './cdr-writer.js';
import { fullDefinition } from './definitions.js';
import { frameFromCompressedImage, frameFromImage } from './images.js';
import type { ClipMessage, CompressedImageMessage, ImageMessage } from './messages.js';
import { nsFromTime } from './time.js';

export interface ClipBag {
  /** The given frames in order of time; the last one's stamp is the clip's. */
  readonly images: readonly (ImageMessage | CompressedImageMessage)[];
  readonly clip: ClipMessage;
}

const TYPES = {
  '/instruction': 'std_msgs/msg/String',
  '/image': 'sensor_msgs/msg/Image',
  '/image/compressed': 'sensor_msgs/msg/CompressedImage',
  '/clip': 'aid_msgs/msg/Clip',
} as const;

/** Writes the bag whole or not at all; the same contents give the same bytes. Errors: `io-failed`. */
export async function writeClipBag(path: string, { images, clip }: ClipBag): Promise<void> {
  await writeFileAtomically(path, async (file) => {
    const writer = new McapWriter({ writable: new FileHandleWritable(file), useChunks: true });
    await writer.start({ profile: 'ros2', library: 'aid-planner' });
    const channels = new Map<string, { id: number; writer: CdrMessageWriter; sequence: number }>();
    const put = async (topic: keyof typeof TYPES, message: object, logTime: bigint): Promise<void> => {
      let channel = channels.get(topic);
      if (channel === undefined) {
        const text = fullDefinition(TYPES[topic]);
        const data = new TextEncoder().encode(text);
        const schemaId = await writer.registerSchema({ name: TYPES[topic], encoding: 'ros2msg', data });
        const id = await writer.registerChannel({
          schemaId,
          topic,
          messageEncoding: 'cdr',
          metadata: new Map([['offered_qos_profiles', '']]),
        });
        channel = { id, writer: messageWriter(TYPES[topic]), sequence: 0 };
        channels.set(topic, channel);
      }
      const { id, sequence } = channel;
      channel.sequence += 1;
      const data = channel.writer.write(message);
      await writer.addMessage({ channelId: id, sequence, logTime, publishTime: logTime, data });
    };
    const start = nsFromTime(images[0]?.header.stamp ?? clip.header.stamp);
    for (const image of images)
      await put('encoding' in image ? '/image' : '/image/compressed', image, nsFromTime(image.header.stamp));
    await put('/instruction', { data: clip.instruction }, start);
    await put('/clip', clip, nsFromTime(clip.generated_at));
    await writer.end();
  });
}

/**
 * The clips of a bag, each with the images that it starts from, found by their stamps. Any bag will do that has clips
 * and, on whatever topics, the camera: also one that `ros2 bag record` wrote.
 * Errors: `invalid-data` for what is no bag, has no clip, or lacks the images of one.
 */
export async function readClipBag(path: string): Promise<ClipBag[]> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw new AidError('invalid-data', `${path}: could not be read: ${(cause as Error).message}`, { cause });
  }
  try {
    const decompressHandlers = await loadDecompressHandlers();
    const reader = await McapIndexedReader.Initialize({
      readable: new FileHandleReadable(file),
      decompressHandlers,
    });
    const images: (ImageMessage | CompressedImageMessage)[] = [];
    const clips: ClipMessage[] = [];
    const readers = new Map<number, MessageReader>();
    const wanted = new Set<string>(Object.values(TYPES));
    for await (const { channelId, data } of reader.readMessages()) {
      const schema = reader.schemasById.get(reader.channelsById.get(channelId)?.schemaId ?? 0);
      if (schema === undefined || !wanted.has(schema.name) || schema.name === TYPES['/instruction']) continue;
      let messages = readers.get(channelId);
      if (messages === undefined) {
        messages = new MessageReader(parse(new TextDecoder().decode(schema.data), { ros2: true }));
        readers.set(channelId, messages);
      }
      const message = messages.readMessage(data);
      if (schema.name === TYPES['/clip']) clips.push(message as ClipMessage);
      else images.push(message as ImageMessage | CompressedImageMessage);
    }
    if (clips.length === 0)
      throw new AidError('invalid-data', `${path}: expected an aid_msgs/msg/Clip, found none`);
    return clips.map((clip) => ({ clip, images: imagesOf(clip, images, path) }));
  } catch (cause) {
    if (AidError.isInstance(cause)) throw cause;
    throw new AidError('invalid-data', `${path}: not a bag of ROS 2 messages: ${(cause as Error).message}`, {
      cause,
    });
  } finally {
    await file.close();
  }
}

function imagesOf<Image extends ImageMessage | CompressedImageMessage>(
  clip: ClipMessage,
  images: readonly Image[],
  path: string,
): Image[] {
  const stamp = nsFromTime(clip.header.stamp);
  const upTo = images
    .filter(({ header }) => header.frame_id === clip.header.frame_id && nsFromTime(header.stamp) <= stamp)
    .sort((a, b) => Number(nsFromTime(a.header.stamp) - nsFromTime(b.header.stamp)))
    .slice(-clip.num_given_frames);
  const last = upTo.at(-1);
  if (last === undefined || nsFromTime(last.header.stamp) !== stamp || upTo.length !== clip.num_given_frames)
    throw new AidError(
      'invalid-data',
      `${path}: expected the ${clip.num_given_frames} camera images that end at ${clip.header.stamp.sec}.${String(clip.header.stamp.nanosec).padStart(9, '0')}, found ${upTo.length} up to then`,
    );
  return upTo;
}

/** The request that made a clip. Errors: `invalid-image`. */
export async function requestOfClip({ clip, images }: ClipBag): Promise<ImagineRequest> {
  return {
    frames: await Promise.all(images.map(frameOf)),
    instruction: clip.instruction,
    states: [...clip.states] as unknown as StateTexts,
    seed: Number(clip.seed),
    numFrames: clip.time_from_start.length,
    sigmas: [...clip.sigmas],
    sampler: clip.sampler as SamplerName,
    frameGuidance: clip.frame_guidance,
    textGuidance: clip.text_guidance,
  };
}

/** A clip's own frames. Errors: `invalid-image`. */
export function framesOfClip({ frames, compressed_frames }: ClipMessage): Promise<Frame[]> {
  return Promise.all([...frames, ...compressed_frames].map(frameOf));
}

async function frameOf(image: ImageMessage | CompressedImageMessage): Promise<Frame> {
  return 'encoding' in image ? frameFromImage(image) : frameFromCompressedImage(image);
}
