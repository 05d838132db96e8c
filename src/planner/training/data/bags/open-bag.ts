import type { Frame } from '../../../conditioning/frame.js';
import { AidError } from '../../../errors.js';
import { extent } from '../../../extent.js';
import { type BagsConfig, DEFAULT_TOPICS } from '../data-config.js';
import { checkFrameIndices, type Episode, type OpenedRecording, type SkippedEpisode } from '../episode.js';
import { type BagPart, readParts } from './bag-parts.js';
import type { BagTopic } from './bag-reader.js';
import { commandSpans } from './command-spans.js';
import { imageDecoder, isImageTopic } from './message-decoder.js';
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

/**
 * One episode for each command of a recording. Pictures are left in the files until they are asked for; a file that
 * cannot be read is left out, and no command goes on after it. Errors: `invalid-data`, naming the recording; `io-failed`.
 */
export async function openBag(
  name: string,
  files: readonly string[],
  options: BagOptions = {},
): Promise<OpenedRecording> {
  const reading = bagReading(options);
  const { topics, instruction } = reading;
  const { runs, skipped: unread } = await readParts(name, files, reading);
  const skipped: SkippedEpisode[] = [...unread];
  const fail = (what: string): never => {
    throw new AidError('invalid-data', skipped[0]?.reason ?? `${name}: ${what}`);
  };
  const parts = runs.flat();
  const metadata = Object.fromEntries(parts.flatMap((part) => Object.entries(part.metadata)));
  if (parts.every(({ stampsNs }) => stampsNs.length === 0)) fail(noImage(topics.image, parts));
  const spans = runs.flatMap((run) => {
    const stampsNs = run.flatMap((part) => part.stampsNs);
    const whole = { text: instruction ?? '', first: 0, end: stampsNs.length };
    const commands = run.flatMap((part) => part.commands);
    const found = instruction === undefined ? commandSpans(commands, stampsNs, reading) : [whole];
    return found.map(({ text, first, end }) => ({ run, text, first, stampsNs: stampsNs.slice(first, end) }));
  });
  if (spans.length === 0) fail(`no instruction on ${topics.instruction}`);
  const episodes: Episode[] = [];
  for (const [index, { run, text, first, stampsNs }] of spans.entries()) {
    const part = spans.length === 1 ? name : `${name}: command ${index + 1} of ${spans.length}, "${text}"`;
    if (stampsNs.length === 0) {
      skipped.push({ name: part, reason: `${part}: no image on ${topics.image} while it was carried out` });
      continue;
    }
    const seconds = Number((stampsNs.at(-1) as bigint) - (stampsNs[0] as bigint)) / 1e9;
    episodes.push({
      name: part,
      instruction: text,
      frameCount: stampsNs.length,
      ...(seconds > 0 ? { framesPerSecond: (stampsNs.length - 1) / seconds } : {}),
      metadata,
      readFrames: async (indices) => {
        checkFrameIndices(part, indices, stampsNs.length);
        const places = indices.map((place) => first + place);
        return readFrames(run, part, topics.image, places, first);
      },
    });
  }
  if (episodes.length === 0) fail('nothing in it can be used');
  return { episodes, skipped };
}

function noImage(name: string, parts: readonly BagPart[]): string {
  const images = parts.flatMap(({ topics }) => topics.filter(isImageTopic).map((topic) => topic.name));
  const others = [...new Set(images)].filter((other) => other !== name);
  return `no image on ${name}${others.length === 0 ? '' : `; it has images on ${others.join(', ')}`}`;
}

/** The pictures at these places of a run, in the order asked for. `first`: that of the episode's first one. */
async function readFrames(
  run: readonly BagPart[],
  episode: string,
  topic: string,
  places: readonly number[],
  first: number,
): Promise<Frame[]> {
  const frames = new Map<number, Frame>();
  let start = 0;
  for (const { file, topics, stampsNs } of run) {
    const from = start;
    start += stampsNs.length;
    const here = places.map((place) => place - from);
    const wanted = new Set(here.filter((place) => place >= 0 && place < stampsNs.length));
    if (wanted.size === 0) continue;
    const decode = imageDecoder(topics.find(({ name }) => name === topic) as BagTopic);
    const [low, high] = extent(wanted);
    const [fromNs, toNs] = [stampsNs[low] as bigint, stampsNs[high] as bigint];
    // Several pictures may have one stamp.
    let place = stampsNs.indexOf(fromNs);
    await withBag(episode, file, async (bag) => {
      for await (const { data } of bag.messages({ topics: [topic], fromNs, toNs })) {
        if (wanted.has(place))
          frames.set(from + place, await decodeAt(episode, from + place - first, decode, data));
        place += 1;
      }
    });
  }
  return places.map((place) => {
    const frame = frames.get(place);
    if (frame === undefined) throw new AidError('invalid-data', `${episode}: frame ${place - first} is gone`);
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
