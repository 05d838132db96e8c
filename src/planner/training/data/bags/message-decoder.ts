/** The two kinds of messages that an episode is made of. */
import type { MessageDefinition } from '@foxglove/message-definition';
import { parse as parseDefinition } from '@foxglove/rosmsg';
import { ros2humble } from '@foxglove/rosmsg-msgs-common';
import { MessageReader } from '@foxglove/rosmsg2-serialization';
import { z } from 'zod';
import { decodeFrame, type Frame, frameFromRaw, type RawEncoding } from '../../../conditioning/frame.js';
import type { BagTopic } from './bag-reader.js';

const bytes = z.instanceof(Uint8Array);
const compressedImage = z.object({ data: bytes });
const rawImage = z.object({
  width: z.number(),
  height: z.number(),
  encoding: z.string(),
  step: z.number(),
  data: bytes,
});

const IMAGE_TYPES = ['sensor_msgs/msg/CompressedImage', 'sensor_msgs/msg/Image'];

export function isImageTopic({ type }: BagTopic): boolean {
  return IMAGE_TYPES.includes(type);
}

/** Decodes pictures of that topic. Errors: for another type, and of each picture `invalid-image` or the format's. */
export function imageDecoder(topic: BagTopic): (data: Uint8Array) => Promise<Frame> {
  if (!isImageTopic(topic))
    throw new Error(`${topic.name}: expected ${IMAGE_TYPES.join(' or ')}, got ${topic.type}`);
  const reader = messageReader(topic);
  if (topic.type === 'sensor_msgs/msg/CompressedImage')
    return (data) => decodeFrame(compressedImage.parse(reader.readMessage(data)).data);
  return async (data) => {
    const { width, height, encoding, step, data: pixels } = rawImage.parse(reader.readMessage(data));
    return frameFromRaw({ width, height, step, data: pixels, encoding: encoding as RawEncoding });
  };
}

/** Takes the text at `field`, such as `data` or `task.text`, out of messages of that topic. */
export function textDecoder(topic: BagTopic, field: string): (data: Uint8Array) => string {
  const reader = messageReader(topic);
  return (data) => {
    let value: unknown = reader.readMessage(data);
    for (const name of field.split('.'))
      value =
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
    if (typeof value === 'string') return value;
    throw new Error(`${topic.name}: expected text in ${field} of ${topic.type}, got ${typeof value}`);
  };
}

/** By the bag's own definition, or else that of ROS 2's common interfaces. */
function messageReader({ name, type, definition }: BagTopic): MessageReader {
  if (definition !== undefined) return new MessageReader(parseDefinition(definition, { ros2: true }));
  const common: Readonly<Record<string, MessageDefinition>> = ros2humble;
  const known = common[type] ?? common[type.replace('/msg/', '/')];
  if (known === undefined)
    throw new Error(`${name}: the bag has no definition of ${type}, which is none of ROS 2's common types`);
  return new MessageReader(withParts(known, common));
}

/** A definition and those of the messages inside it. */
function withParts(
  definition: MessageDefinition,
  common: Readonly<Record<string, MessageDefinition>>,
): MessageDefinition[] {
  const all = new Map<string, MessageDefinition>();
  const visit = (each: MessageDefinition): void => {
    for (const { type, isComplex } of each.definitions) {
      const part = isComplex === true ? (common[type] ?? common[type.replace('/msg/', '/')]) : undefined;
      if (part === undefined || all.has(type)) continue;
      all.set(type, { ...part, name: type });
      visit(part);
    }
  };
  visit(definition);
  return [definition, ...all.values()];
}
