/** The files that a recording consists of, each looked into once. */
import { AidError } from '../../../errors.js';
import { reasonToSkip, type SkippedEpisode } from '../episode.js';
import type { BagReader, BagTopic } from './bag-reader.js';
import type { Command } from './command-spans.js';
import { imageDecoder, textDecoder } from './message-decoder.js';
import { withBag } from './with-bag.js';

/** What a file holds of a recording. */
export interface BagPart {
  readonly file: string;
  readonly topics: readonly BagTopic[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Of its pictures, in the order of time. */
  readonly stampsNs: readonly bigint[];
  readonly commands: readonly Command[];
}

/** What is looked for in a part. */
export interface PartQuery {
  readonly topics: { readonly image: string; readonly instruction: string };
  readonly instructionField: string;
  /** Given where no command is looked for. */
  readonly instruction: string | undefined;
}

export interface BagParts {
  /** Parts that follow each other without a gap, one list after the other. */
  readonly runs: readonly (readonly BagPart[])[];
  readonly skipped: readonly SkippedEpisode[];
}

/**
 * The parts that can be read; what is recorded in the others is a gap between those before and after.
 * `files` follow each other in time. Errors: `invalid-data` where no part can be read, `io-failed`.
 */
export async function readParts(name: string, files: readonly string[], query: PartQuery): Promise<BagParts> {
  const runs: BagPart[][] = [];
  const skipped: SkippedEpisode[] = [];
  let follows = false;
  for (const file of files) {
    const called = files.length === 1 ? name : file;
    try {
      const part = await withBag(called, file, (bag) => partOf(file, bag, query));
      if (follows) runs.at(-1)?.push(part);
      else runs.push([part]);
      follows = true;
    } catch (error) {
      skipped.push({ name: called, reason: reasonToSkip(error) });
      follows = false;
    }
  }
  if (runs.length === 0) throw new AidError('invalid-data', skipped[0]?.reason ?? `${name}: no file`);
  return { runs, skipped };
}

async function partOf(
  file: string,
  bag: BagReader,
  { topics, instructionField, instruction }: PartQuery,
): Promise<BagPart> {
  const topicOf = (name: string): BagTopic | undefined => bag.topics.find((each) => each.name === name);
  const seen = topicOf(topics.image);
  // A type that is none of pictures is told before any is asked for.
  if (seen !== undefined) imageDecoder(seen);
  const said = instruction === undefined ? topicOf(topics.instruction) : undefined;
  const textOf = said === undefined ? undefined : textDecoder(said, instructionField);
  const stampsNs: bigint[] = [];
  const commands: Command[] = [];
  const asked = textOf === undefined ? [topics.image] : [topics.image, topics.instruction];
  for await (const { topic, stampNs, data } of bag.messages({ topics: asked, stampsOnly: [topics.image] })) {
    if (topic === topics.image) stampsNs.push(stampNs);
    else if (textOf !== undefined) commands.push({ stampNs, text: textOf(data).trim() });
  }
  return { file, topics: bag.topics, metadata: bag.metadata, stampsNs, commands };
}
