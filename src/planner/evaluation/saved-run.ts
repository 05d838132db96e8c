/**
 * What an evaluation imagined, kept beside the truth, so that it can be measured again and looked at without
 * imagining again. A folder: `run.json`, and `clips/` with a PNG a clip, its frames below each other, lossless.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../atomic-file.js';
import { decodeFrame, encodePng, type Frame } from '../conditioning/frame.js';
import { AidError } from '../errors.js';
import { parseConfig, readJson } from '../weights/model-component.js';
import { fingerprintOfFacts, Journal } from './journal.js';

/** `commanded` is what the truth shows; `another` the same with other seeds; see `ClipKind` for the rest. */
const CLIP_KINDS = ['commanded', 'another', 'heldOut', 'swapped', 'blank'] as const;
export type SavedClipKind = (typeof CLIP_KINDS)[number];

const savedClip = z.object({
  kind: z.enum(CLIP_KINDS),
  instruction: z.string(),
  seed: z.int().nonnegative(),
  /** Below `clips/`. */
  file: z.string(),
  /** Place among the sample's `outcomes` of the command that it should carry out, where these are known. */
  command: z.int().nonnegative().optional(),
  /** Whether the last frame is nearest to the true one of its command, where the outcomes are known. */
  followed: z.boolean().optional(),
});
const savedOutcomes = z.object({
  commands: z.array(z.object({ family: z.string(), instruction: z.string() })).min(2),
  /** Place of the sample's own command among them. */
  commanded: z.int().nonnegative(),
  /** Below `clips/`: the true last frame under each of the commands, below each other. */
  file: z.string(),
});
const savedSample = z.object({
  name: z.string(),
  instruction: z.string(),
  /** Of the command, where it has one. */
  family: z.string().optional(),
  truth: z.string(),
  clips: z.array(savedClip),
  /** What truly happens under every command possible, where that is known. */
  outcomes: savedOutcomes.optional(),
});
/** 1 had no outcomes, and of the command's clips two. */
const FORMAT = 2;
const savedRunSchema = z.object({
  format: z.literal([1, FORMAT]),
  /** What was imagined on, in words. */
  data: z.string(),
  model: z.object({ path: z.string(), sha256: z.string() }),
  engine: z.object({ name: z.string(), provider: z.string(), threads: z.number() }),
  sampling: z.record(z.string(), z.union([z.string(), z.number()])),
  statesWrittenBy: z.string(),
  video: z.object({
    numFrames: z.int().positive(),
    width: z.int().positive(),
    height: z.int().positive(),
    framesPerSecond: z.number().positive(),
    givenFrames: z.int().positive(),
  }),
  /** How the numbers in it were made. */
  protocol: z.array(z.string()),
  warnings: z.array(z.string()),
  samples: z.array(savedSample),
});
export type SavedRunFile = z.infer<typeof savedRunSchema>;
export type SavedSample = z.infer<typeof savedSample>;
export type SavedClip = z.infer<typeof savedClip>;

export interface SavedRun extends SavedRunFile {
  readonly folder: string;
  /** Of `run.json`. */
  readonly sha256: string;
}

type WithFrames<Saved extends { readonly file: string }> = Omit<Saved, 'file'> & {
  readonly frames: readonly Frame[];
};

export interface SampleToSave extends Omit<SavedSample, 'truth' | 'clips' | 'outcomes'> {
  readonly truth: readonly Frame[];
  readonly clips: readonly WithFrames<SavedClip>[];
  readonly outcomes?: WithFrames<NonNullable<SavedSample['outcomes']>>;
}

/** What stands in the journal of a run that is not over. */
interface KeptSample<Memo> {
  readonly sample: SavedSample;
  readonly memo: Memo;
}

const UNFINISHED = /^unfinished-\w+\.jsonl$/;

/**
 * Takes samples one after the other; there is no run until `end`. Stopped before that, the same evaluation goes on
 * from the samples that it has. `Memo` is what the evaluation itself has to remember of a sample, as JSON.
 */
export class RunWriter<Memo> {
  readonly #journal: Journal<KeptSample<Memo>>;

  private constructor(
    readonly folder: string,
    journal: Journal<KeptSample<Memo>>,
  ) {
    this.#journal = journal;
  }

  /**
   * `facts` is everything that the clips follow from. Errors: `invalid-argument` where there is a run already, or
   * part of another; `io-failed` when another process writes there.
   */
  static async open<Memo>(folder: string, facts: unknown): Promise<RunWriter<Memo>> {
    refuseSavedRun(folder);
    const name = `unfinished-${fingerprintOfFacts([FORMAT, facts])}.jsonl`;
    const others = existsSync(folder) ? readdirSync(folder).filter((file) => UNFINISHED.test(file)) : [];
    if (others.some((file) => file !== name))
      throw new AidError(
        'invalid-argument',
        `${folder}: holds part of an evaluation with other settings; choose another folder, or delete it`,
      );
    return new RunWriter(folder, await Journal.open<KeptSample<Memo>>(join(folder, name), folder));
  }

  /** Samples that it has. */
  get size(): number {
    return this.#journal.size;
  }

  /** What was said of a sample when it was added, undefined where it was not. */
  known(name: string): Memo | undefined {
    return this.#journal.known(name)?.memo;
  }

  async add({ truth, clips, outcomes, ...sample }: SampleToSave, memo: Memo): Promise<void> {
    const stem = String(this.#journal.size).padStart(5, '0');
    const saved: SavedClip[] = [];
    for (const [index, { frames, ...clip }] of clips.entries())
      saved.push({ ...clip, file: await this.#write(`${stem}-${index}-${clip.kind}.png`, frames) });
    const kept: SavedSample = {
      ...sample,
      truth: await this.#write(`${stem}-truth.png`, truth),
      clips: saved,
    };
    if (outcomes !== undefined) {
      const { frames, ...commands } = outcomes;
      kept.outcomes = { ...commands, file: await this.#write(`${stem}-outcomes.png`, frames) };
    }
    await this.#journal.append(sample.name, { sample: kept, memo });
  }

  /** `names` of the samples that belong to it, in their order; all that it has unless said otherwise. */
  async end(about: Omit<SavedRunFile, 'format' | 'samples'>, names?: readonly string[]): Promise<void> {
    const kept = names?.flatMap((name) => this.#journal.known(name) ?? []) ?? this.#journal.entries;
    const samples = kept.map(({ sample }) => sample);
    const run: SavedRunFile = { format: FORMAT, ...about, samples };
    await writeFileAtomically(join(this.folder, 'run.json'), (file) =>
      file.writeFile(`${JSON.stringify(run, null, 1)}\n`),
    );
    await this.#journal.remove();
  }

  /** Lets another process go on. */
  async close(): Promise<void> {
    await this.#journal.close();
  }

  async #write(name: string, frames: readonly Frame[]): Promise<string> {
    const bytes = await encodePng(strip(frames));
    await writeFileAtomically(join(this.folder, 'clips', name), (file) => file.writeFile(bytes));
    return name;
  }
}

/** Whether it holds a whole run. */
export const isSavedRun = (folder: string): boolean => existsSync(join(folder, 'run.json'));

/** Errors: `invalid-argument` where there is a run already. */
export function refuseSavedRun(folder: string): void {
  if (isSavedRun(folder)) throw new AidError('invalid-argument', `${folder}: holds a saved run already`);
}

/** Errors: `invalid-data`. */
export function readSavedRun(folder: string): SavedRun {
  const file = join(folder, 'run.json');
  if (!existsSync(file))
    throw new AidError('invalid-data', `${folder}: no run.json; "aid evaluate --save" makes such a folder`);
  try {
    const run = parseConfig(savedRunSchema, readJson(file), file);
    return { ...run, folder, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') };
  } catch (cause) {
    throw new AidError('invalid-data', (cause as Error).message, { cause });
  }
}

/** The sample's first clip of that kind. */
export const clipOf = ({ clips }: SavedSample, kind: SavedClipKind): SavedClip | undefined =>
  clips.find((clip) => clip.kind === kind);

/** Errors: `invalid-data`. */
export function commandedClip(sample: SavedSample): SavedClip {
  const clip = clipOf(sample, 'commanded');
  if (clip === undefined) throw new AidError('invalid-data', `${sample.name}: no commanded clip`);
  return clip;
}

/** A clip or the truth of a saved run. Errors: `invalid-image`, `invalid-data`. */
export function readSavedClip(run: SavedRun, file: string): Promise<Frame[]> {
  return readStrip(run, file, run.video.numFrames);
}

/** The true last frames under each command of a sample. Errors: `invalid-image`, `invalid-data`. */
export function readSavedOutcomes(
  run: SavedRun,
  { file, commands }: NonNullable<SavedSample['outcomes']>,
): Promise<Frame[]> {
  return readStrip(run, file, commands.length);
}

async function readStrip({ folder, video }: SavedRun, file: string, numFrames: number): Promise<Frame[]> {
  const path = join(folder, 'clips', file);
  const { width, height, data } = await decodeFrame(path);
  if (width !== video.width || height !== video.height * numFrames)
    throw new AidError(
      'invalid-data',
      `${path}: expected ${numFrames} frames of ${video.width}x${video.height}, got ${width}x${height} pixels`,
    );
  const bytes = width * video.height * 3;
  return Array.from({ length: numFrames }, (_, i) => ({
    width,
    height: video.height,
    data: data.slice(i * bytes, (i + 1) * bytes),
  }));
}

/** Frames below each other. */
export function strip(frames: readonly Frame[]): Frame {
  const [first] = frames;
  if (first === undefined) throw new AidError('invalid-argument', 'frames: expected at least one');
  const bytes = first.data.length;
  const data = new Uint8Array(bytes * frames.length);
  frames.forEach((frame, index) => {
    data.set(frame.data, index * bytes);
  });
  return { width: first.width, height: first.height * frames.length, data };
}
