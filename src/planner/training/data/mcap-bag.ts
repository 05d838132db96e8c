/** Episodes in MCAP bags of ROS 2 messages: one episode a bag. */
import { open } from 'node:fs/promises';
import { parse as parseDefinition } from '@foxglove/rosmsg';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { McapIndexedReader } from '@mcap/core';
import { FileHandleReadable } from '@mcap/nodejs';
import { loadDecompressHandlers } from '@mcap/support';
import { z } from 'zod';
import { decodeFrame, type Frame } from '../../conditioning/frame.js';
import { AidError } from '../../errors.js';
import type { Episode } from './episode.js';

export interface BagTopics {
  /** sensor_msgs/msg/CompressedImage */
  readonly image: string;
  /** std_msgs/msg/String */
  readonly instruction: string;
}

export const SIM_TOPICS: BagTopics = { image: '/camera/image/compressed', instruction: '/instruction' };

const compressedImage = z.object({ data: z.instanceof(Uint8Array) });
const stringMessage = z.object({ data: z.string() });

/** Reads one bag into memory, its pictures still compressed. Errors: `invalid-data`, naming the file. */
export async function readMcapBag(path: string, topics: BagTopics = SIM_TOPICS): Promise<Episode> {
  const fail = (what: string, cause?: unknown): never => {
    throw new AidError('invalid-data', `${path}: ${what}`, { cause });
  };
  const images: Uint8Array[] = [];
  let instruction: string | undefined;
  const metadata: Record<string, string> = {};
  try {
    const file = await open(path, 'r');
    try {
      const reader = await McapIndexedReader.Initialize({
        readable: new FileHandleReadable(file),
        decompressHandlers: await loadDecompressHandlers(),
      });
      if (reader.chunkIndexes.length === 0 && (reader.statistics?.messageCount ?? 0n) > 0n)
        throw new Error('it has no index; "mcap compress" writes a copy with one');
      const readers = messageReaders(reader, topics);
      for await (const { channelId, data } of reader.readMessages({
        topics: [topics.image, topics.instruction],
      })) {
        const channel = reader.channelsById.get(channelId);
        const message: unknown = readers.get(channel?.schemaId ?? -1)?.readMessage(data);
        if (channel?.topic === topics.image) images.push(compressedImage.parse(message).data.slice());
        else instruction ??= stringMessage.parse(message).data;
      }
      for await (const record of reader.readMetadata())
        Object.assign(metadata, Object.fromEntries(record.metadata));
    } finally {
      await file.close();
    }
  } catch (cause) {
    return fail(`could not be read as an MCAP bag: ${(cause as Error).message}`, cause);
  }
  if (images.length === 0) fail(`no image on ${topics.image}`);
  if (instruction === undefined) return fail(`no instruction on ${topics.instruction}`);
  return {
    name: path,
    instruction,
    frameCount: images.length,
    metadata,
    readFrames: (indices) => Promise.all(indices.map((index) => decode(path, images, index))),
  };
}

/** Of the two topics, by schema; what else a bag holds may be of any kind. */
function messageReaders(reader: McapIndexedReader, topics: BagTopics): Map<number, MessageReader> {
  const types = new Map([
    [topics.image, 'sensor_msgs/msg/CompressedImage'],
    [topics.instruction, 'std_msgs/msg/String'],
  ]);
  const readers = new Map<number, MessageReader>();
  for (const { topic, schemaId } of reader.channelsById.values()) {
    const type = types.get(topic);
    if (type === undefined) continue;
    const schema = reader.schemasById.get(schemaId);
    if (schema?.name !== type || schema.encoding !== 'ros2msg')
      throw new Error(`${topic}: expected ${type} (ros2msg), got ${schema?.name} (${schema?.encoding})`);
    const definition = parseDefinition(new TextDecoder().decode(schema.data), { ros2: true });
    readers.set(schemaId, new MessageReader(definition));
  }
  return readers;
}

async function decode(path: string, images: readonly Uint8Array[], index: number): Promise<Frame> {
  const image = images[index];
  if (image === undefined)
    throw new AidError('invalid-argument', `${path}: no frame ${index} of ${images.length}`);
  try {
    return await decodeFrame(image);
  } catch (cause) {
    throw new AidError('invalid-image', `${path}: frame ${index}: ${(cause as Error).message}`, { cause });
  }
}
