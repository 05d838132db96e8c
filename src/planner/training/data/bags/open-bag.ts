import type { Frame } from '../../../conditioning/frame.js';
import { AidError } from '../../../errors.js';
import { type BagsConfig, DEFAULT_TOPICS } from '../data-config.js';
import { checkFrameIndices, type Episode, type OpenedRecording, type SkippedEpisode } from '../episode.js';
import type { BagReader, BagTopic } from './bag-reader.js';
import { type Command, commandSpans } from './command-spans.js';
import { imageDecoder, isImageTopic, textDecoder } from './message-decoder.js';
import { withBag } from './with-bag.js';

const REPEAT_MS = 2000;

export type BagOptions = Omit<BagsConfig, 'bags'>;

/** How bags are read, with all that the options leave out. */
export function bagReading({
  topics,
  instructionField = 'data',
  instruction,
  leadMs = 0,
  repeatMs = REPEAT_MS,
  maxSeconds = Number.POSITIVE_INFINITY,
}: BagOptions) {
  return {
    topics: {
      image: topics?.image ?? DEFAULT_TOPICS.image,
      instruction: topics?.instruction ?? DEFAULT_TOPICS.instruction,
    },
    instructionField,
    instruction,
    leadMs,
    repeatMs,
    maxSeconds,
  };
}
type BagReading = ReturnType<typeof bagReading>;

/**
 * One episode for each command of a recording. Pictures are left in the files until they are asked for.
 * Errors: `invalid-data`, naming the recording.
 */
export async function openBag(
  name: string,
  files: readonly string[],
  options: BagOptions = {},
): Promise<OpenedRecording> {
  const reading = bagReading(options);
  const { topics, instruction } = reading;
  const fail = (what: string): never => {
    throw new AidError('invalid-data', `${name}: ${what}`);
  };
  const { stampsNs, commands, metadata } = await withBag(name, files, (bag) => timeline(name, bag, reading));
  if (stampsNs.length === 0) fail(`no image on ${topics.image}`);
  if (instruction === undefined && commands.length === 0) fail(`no instruction on ${topics.instruction}`);
  const spans =
    instruction === undefined
      ? commandSpans(commands, stampsNs, reading)
      : [{ text: instruction, first: 0, end: stampsNs.length }];
  const episodes: Episode[] = [];
  const skipped: SkippedEpisode[] = [];
  for (const [index, { text, first, end }] of spans.entries()) {
    const part = spans.length === 1 ? name : `${name}: command ${index + 1} of ${spans.length}, "${text}"`;
    const span = stampsNs.slice(first, end);
    if (span.length === 0) {
      skipped.push({ name: part, reason: `${part}: no image on ${topics.image} while it was carried out` });
      continue;
    }
    const seconds = Number((span.at(-1) as bigint) - (span[0] as bigint)) / 1e9;
    episodes.push({
      name: part,
      instruction: text,
      frameCount: span.length,
      ...(seconds > 0 ? { framesPerSecond: (span.length - 1) / seconds } : {}),
      metadata,
      readFrames: async (indices) => {
        checkFrameIndices(part, indices, span.length);
        return withBag(name, files, (bag) => readFrames(bag, part, topics.image, span, indices));
      },
    });
  }
  if (episodes.length === 0)
    fail(skipped[0]?.reason.slice(name.length + 2) ?? `no instruction on ${topics.instruction}`);
  return { episodes, skipped };
}

interface Timeline {
  readonly stampsNs: readonly bigint[];
  readonly commands: readonly Command[];
  readonly metadata: Readonly<Record<string, string>>;
}

async function timeline(
  recording: string,
  bag: BagReader,
  { topics, instruction, instructionField }: BagReading,
): Promise<Timeline> {
  imageDecoder(imageTopic(recording, bag, topics.image));
  const said = bag.topics.find(({ name }) => name === topics.instruction);
  const textOf =
    said === undefined || instruction !== undefined ? undefined : textDecoder(said, instructionField);
  const stampsNs: bigint[] = [];
  const commands: Command[] = [];
  const asked = textOf === undefined ? [topics.image] : [topics.image, topics.instruction];
  for await (const { topic, stampNs, data } of bag.messages({ topics: asked, stampsOnly: [topics.image] })) {
    if (topic === topics.image) stampsNs.push(stampNs);
    else if (textOf !== undefined) commands.push({ stampNs, text: textOf(data).trim() });
  }
  return { stampsNs, commands, metadata: bag.metadata };
}

function imageTopic(recording: string, bag: BagReader, name: string): BagTopic {
  const found = bag.topics.find((topic) => topic.name === name);
  if (found !== undefined) return found;
  const others = bag.topics.filter(isImageTopic).map((topic) => topic.name);
  const hint = others.length === 0 ? '' : `; it has images on ${others.join(', ')}`;
  throw new AidError('invalid-data', `${recording}: no image on ${name}${hint}`);
}

/** The pictures with these places in the span, in the order asked for. */
async function readFrames(
  bag: BagReader,
  part: string,
  topic: string,
  span: readonly bigint[],
  indices: readonly number[],
): Promise<Frame[]> {
  const decode = imageDecoder(imageTopic(part, bag, topic));
  const [low, high] = [Math.min(...indices), Math.max(...indices)];
  // Pictures of equal stamps are in one span: the first of them counts from the first of its stamp.
  let place = span.indexOf(span[low] as bigint);
  const frames = new Map<number, Frame>();
  for await (const { data } of bag.messages({
    topics: [topic],
    fromNs: span[low] as bigint,
    toNs: span[high] as bigint,
  })) {
    if (indices.includes(place)) frames.set(place, await decodeAt(part, place, decode, data));
    place += 1;
  }
  return indices.map((index) => {
    const frame = frames.get(index);
    if (frame === undefined) throw new AidError('invalid-data', `${part}: frame ${index} is gone`);
    return frame;
  });
}

async function decodeAt(
  part: string,
  index: number,
  decode: (data: Uint8Array) => Promise<Frame>,
  data: Uint8Array,
): Promise<Frame> {
  try {
    return await decode(data.slice());
  } catch (cause) {
    throw new AidError('invalid-image', `${part}: frame ${index}: ${(cause as Error).message}`, { cause });
  }
}
