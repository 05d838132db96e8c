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
import type { CameraInfoMessage, ClipMessage, CompressedImageMessage, ImageMessage } from './messages.js';
import { nsFromTime } from './time.js';

export interface ClipBag {
  /** The given frames in order of time; the last one's stamp is the clip's. */
  readonly images: readonly AnyImage[];
  readonly clip: ClipMessage;
  /** Written where it is there; none is read, as the clip holds what it needs of it. */
  readonly cameraInfo?: CameraInfoMessage | undefined;
}

const TYPES = {
  '/instruction': 'std_msgs/msg/String',
  '/image': 'sensor_msgs/msg/Image',
  '/image/compressed': 'sensor_msgs/msg/CompressedImage',
  '/camera_info': 'sensor_msgs/msg/CameraInfo',
  '/clip': 'aid_msgs/msg/Clip',
} as const;

/** Writes the bag whole or not at all; the same contents give the same bytes. Errors: `io-failed`. */
export async function writeClipBag(path: string, { images, clip, cameraInfo }: ClipBag): Promise<void> {
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
    if (cameraInfo !== undefined) await put('/camera_info', cameraInfo, nsFromTime(cameraInfo.header.stamp));
    await put('/instruction', { data: clip.instruction }, start);
    await put('/clip', clip, nsFromTime(clip.generated_at));
    await writer.end();
  });
}

/** A clip, the topic that it was on, and the images that it may start from. */
interface Found {
  readonly clip: ClipMessage;
  readonly topic: string;
  /** The newest up to the clip's stamp, by their stamps: as many as were given, and no more. */
  readonly images: Map<bigint, AnyImage>;
}

type AnyImage = ImageMessage | CompressedImageMessage;

/** Pictures that a node publishes beside its clips; they carry the conditioning frame's stamp as well. */
const IMAGINED = ['preview', 'goal_image', 'goal_preview'];

/**
 * The clips of a bag, each with the images that it starts from, found by their stamps. Any bag will do that has clips
 * and, on whatever topics, the camera: also one that `ros2 bag record` wrote, of all topics. Of images with one stamp
 * the first that was recorded is the camera's. The bag may be long: it is read twice, and little of it is kept.
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
    const found: Found[] = [];
    for await (const { topic, message } of messagesOf<ClipMessage>(reader, [TYPES['/clip']]))
      found.push({ clip: message, topic, images: new Map() });
    if (found.length === 0)
      throw new AidError('invalid-data', `${path}: expected an aid_msgs/msg/Clip, found none`);
    const types = [TYPES['/image'], TYPES['/image/compressed']];
    for await (const { topic, message } of messagesOf<AnyImage>(reader, types))
      for (const each of found) keep(each, topic, message);
    return found.map((each) => ({ clip: each.clip, images: imagesOf(each, path) }));
  } catch (cause) {
    if (AidError.isInstance(cause)) throw cause;
    throw new AidError('invalid-data', `${path}: not a bag of ROS 2 messages: ${(cause as Error).message}`, {
      cause,
    });
  } finally {
    await file.close();
  }
}

/** The messages of some types, in the order in which they were recorded. */
async function* messagesOf<Message>(
  reader: McapIndexedReader,
  types: readonly string[],
): AsyncGenerator<{ readonly topic: string; readonly message: Message }> {
  const readers = new Map<number, { readonly topic: string; readonly messages: MessageReader }>();
  for (const [id, { topic, schemaId }] of reader.channelsById) {
    const schema = reader.schemasById.get(schemaId);
    if (schema === undefined || !types.includes(schema.name)) continue;
    const definition = parse(new TextDecoder().decode(schema.data), { ros2: true });
    readers.set(id, { topic, messages: new MessageReader(definition) });
  }
  const topics = [...readers.values()].map(({ topic }) => topic);
  if (topics.length === 0) return;
  for await (const { channelId, data } of reader.readMessages({ topics })) {
    const known = readers.get(channelId);
    if (known !== undefined)
      yield { topic: known.topic, message: known.messages.readMessage(data) as Message };
  }
}

/** Keeps an image that a clip may start from, and forgets the oldest of too many. */
function keep({ clip, topic: clipTopic, images }: Found, topic: string, image: AnyImage): void {
  const stamp = nsFromTime(image.header.stamp);
  const beside = clipTopic.slice(0, clipTopic.lastIndexOf('/') + 1);
  const isImagined = IMAGINED.some((name) => topic === `${beside}${name}`);
  if (isImagined || image.header.frame_id !== clip.header.frame_id) return;
  if (stamp > nsFromTime(clip.header.stamp) || images.has(stamp)) return;
  images.set(stamp, image);
  const [first = stamp, ...others] = images.keys();
  const oldest = others.reduce((low, each) => (each < low ? each : low), first);
  if (images.size > clip.num_given_frames) images.delete(oldest);
}

function imagesOf({ clip, images }: Found, path: string): AnyImage[] {
  const { stamp } = clip.header;
  const sorted = [...images].sort(([a], [b]) => (a < b ? -1 : 1));
  if (sorted.length !== clip.num_given_frames || sorted.at(-1)?.[0] !== nsFromTime(stamp))
    throw new AidError(
      'invalid-data',
      `${path}: expected the ${clip.num_given_frames} camera images that end at ${stamp.sec}.${String(stamp.nanosec).padStart(9, '0')}, found ${sorted.length} up to then`,
    );
  return sorted.map(([, image]) => image);
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

async function frameOf(image: AnyImage): Promise<Frame> {
  return 'encoding' in image ? frameFromImage(image) : frameFromCompressedImage(image);
}
