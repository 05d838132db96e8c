/**
 * What diffusion training reads of an episode, computed once: the latents of its clip and its first frame as
 * CLIP sees it. One safetensors file an episode, in a folder named by everything that they depend on.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../../atomic-file.js';
import type { Frame } from '../../conditioning/frame.js';
import { clipPixels, frameToPixels } from '../../conditioning/image-tensors.js';
import type { ClipPreprocessor } from '../../conditioning/preprocessor.js';
import { AidError } from '../../errors.js';
import { joined } from '../../joined.js';
import type { AutoencoderConfig } from '../../models/autoencoder/config.js';
import { encodeImages } from '../../models/autoencoder/encoder.js';
import { Graph } from '../../onnx/graph.js';
import { Scope } from '../../onnx/scope.js';
import type { Engine, GraphSession } from '../../runtime/engine.js';
import { type FloatTensor, floatTensor } from '../../runtime/tensor.js';
import {
  readFloats,
  readSafetensors,
  readTensorBytes,
  type StoredTensor,
  writeSafetensors,
} from '../../weights/safetensors.js';
import {
  type Episode,
  type EpisodeSet,
  evenlySpread,
  type OpenedRecording,
  type Recording,
  reasonToSkip,
  type SkippedEpisode,
} from './episode.js';

export interface LatentCacheOptions {
  /** Of one data set. */
  readonly cacheFolder: string;
  readonly recordings: EpisodeSet['recordings'];
  readonly vae: { readonly config: AutoencoderConfig; readonly tensors: ReadonlyMap<string, StoredTensor> };
  readonly preprocessor: ClipPreprocessor;
  readonly frame: { readonly width: number; readonly height: number };
  /** Frames of a clip, spread evenly over the episode. */
  readonly numFrames: number;
  readonly abortSignal?: AbortSignal;
}

/** One episode's cached tensors. */
export interface CachedClip {
  readonly instruction: string;
  /** The posterior's mode, not scaled, [F, C, h, w]. */
  readonly latents: FloatTensor;
  /** [3, S, S] */
  readonly clipPixels: FloatTensor;
}

export interface LatentCache {
  /** Changes with the autoencoder's weights, the sizes and the preprocessing. */
  readonly name: string;
  /** The cached files, one an episode. */
  readonly files: readonly string[];
  /** Of each file. */
  readonly instructions: readonly string[];
  readonly skipped: readonly SkippedEpisode[];
}

export type LatentCacheEvent =
  /** An episode was encoded that was not there: the how many-th of its recording, and which recording that is, from 1. */
  | {
      readonly kind: 'encoded';
      readonly recording: number;
      readonly recordings: number;
      readonly episode: number;
      readonly episodes: number;
    }
  | { readonly kind: 'end'; readonly cache: LatentCache };

/** Of a cached episode; `stamp` is its recording's. */
const metadataSchema = z.object({ instruction: z.string(), stamp: z.string() });

/** What became of a recording's episodes, in a file beside theirs that is written when all were tried. */
const listSchema = z.object({
  stamp: z.string(),
  /** Places of the cached ones among the recording's episodes. */
  cached: z.array(z.int().nonnegative()).min(1),
  skipped: z.array(z.object({ name: z.string(), reason: z.string() })),
});

/** The clips of one recording. */
interface CachedClips {
  readonly clips: readonly { readonly file: string; readonly instruction: string }[];
  readonly skipped: readonly SkippedEpisode[];
}

/**
 * Fills what is missing or damaged, was made of another recording of that name, or was read of it in another way,
 * telling how far it is. Every episode is kept as soon as it is encoded: a run that was stopped goes on there.
 * Errors: `aborted`; `io-failed`.
 */
export async function* fillLatentCache(
  engine: Engine,
  options: LatentCacheOptions,
): AsyncGenerator<LatentCacheEvent> {
  const { cacheFolder, recordings, abortSignal } = options;
  const name = fingerprint(options);
  const folder = join(cacheFolder, name);
  const clips: CachedClips['clips'][number][] = [];
  const skipped: SkippedEpisode[] = [];
  let session: GraphSession | undefined;
  const write: WriteClip = async (file, metadata, frames) => {
    session ??= await loadEncoder(engine, options, folder);
    await writeClip(file, metadata, frames, session, options);
  };
  try {
    for (const [index, recording] of recordings.entries()) {
      const place = { folder, recording, index, count: recordings.length };
      throwIfStopped(abortSignal, place);
      const known = cachedClips(place) ?? (yield* encodedClips(place, write, options));
      clips.push(...known.clips);
      skipped.push(...known.skipped);
    }
  } finally {
    await session?.release();
  }
  const files = clips.map(({ file }) => file);
  const instructions = clips.map(({ instruction }) => instruction);
  yield { kind: 'end', cache: { name, files, instructions, skipped } };
}

type WriteClip = (
  file: string,
  metadata: z.infer<typeof metadataSchema>,
  frames: readonly Frame[],
) => Promise<void>;

/** Where the clips of a recording lie, and which one of how many it is. */
interface Place {
  readonly folder: string;
  readonly recording: Recording;
  readonly index: number;
  readonly count: number;
}

/** A recording's first episode beside the others' folder: no file has a folder's ending. */
function fileOf({ folder, recording: { id } }: Place, episode: number): string {
  return join(folder, episode === 0 ? `${id}.safetensors` : join(`${id}.episodes`, `${episode}.safetensors`));
}

const listOf = ({ folder, recording: { id } }: Place): string => join(folder, `${id}.json`);

function throwIfStopped(abortSignal: AbortSignal | undefined, { index, count }: Place): void {
  if (abortSignal?.aborted !== true) return;
  const { reason: cause } = abortSignal;
  throw new AidError('aborted', `stopped after the latents of ${index} of ${count} recordings`, { cause });
}

export function readCachedClip(file: string): CachedClip {
  const { tensors, metadata } = readSafetensors(file);
  const tensor = (name: string): FloatTensor => {
    const found = tensors.get(name);
    if (found === undefined) throw new AidError('invalid-data', `${file}: no tensor ${name}`);
    return floatTensor(found.shape, readFloats(found));
  };
  const { instruction } = metadataSchema.parse(metadata);
  return { instruction, latents: tensor('latents'), clipPixels: tensor('clip_pixels') };
}

async function loadEncoder(
  engine: Engine,
  { vae, frame, numFrames }: LatentCacheOptions,
  folder: string,
): Promise<GraphSession> {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    const what = `could not be made: ${(cause as Error).message}; "latents" of a config names another folder`;
    throw new AidError('io-failed', `${folder}: ${what}`, { cause });
  }
  const graph = new Graph('vae-encoder');
  const pixels = graph.input('pixels', 'float32', [numFrames, 3, frame.height, frame.width]);
  graph.output('latents', encodeImages(new Scope(graph), pixels, vae.config).mean);
  return engine.load(graph, { weights: (key) => vae.tensors.get(key) });
}

/** Opens a recording and encodes the episodes that are not cached, one after the other. */
async function* encodedClips(
  place: Place,
  write: WriteClip,
  { numFrames, abortSignal }: LatentCacheOptions,
): AsyncGenerator<LatentCacheEvent, CachedClips> {
  const { recording, index, count } = place;
  const { stamp } = recording;
  const skipped: SkippedEpisode[] = [];
  const skip = (name: string, error: unknown): void => {
    skipped.push({ name, reason: reasonToSkip(error) });
  };
  let opened: OpenedRecording;
  try {
    opened = await recording.open();
  } catch (error) {
    skip(recording.name, error);
    return { clips: [], skipped };
  }
  skipped.push(...opened.skipped);
  const { episodes } = opened;
  const cached: number[] = [];
  for (const [number, episode] of episodes.entries()) {
    throwIfStopped(abortSignal, place);
    const { name, instruction } = episode;
    if (cachedInstruction(fileOf(place, number), stamp) === undefined) {
      let frames: readonly Frame[];
      try {
        frames = await episode.readFrames(evenlySpread(episode.frameCount, numFrames));
      } catch (error) {
        skip(name, error);
        continue;
      }
      await write(fileOf(place, number), { instruction, stamp }, frames);
      yield {
        kind: 'encoded',
        recording: index + 1,
        recordings: count,
        episode: number + 1,
        episodes: episodes.length,
      };
    }
    cached.push(number);
  }
  if (cached.length > 0) {
    const list: z.infer<typeof listSchema> = { stamp, cached, skipped };
    await writeFileAtomically(listOf(place), (file) => file.writeFile(JSON.stringify(list)));
  }
  const clips = cached.map((number) => ({
    file: fileOf(place, number),
    instruction: (episodes[number] as Episode).instruction,
  }));
  return { clips, skipped };
}

async function writeClip(
  file: string,
  metadata: z.infer<typeof metadataSchema>,
  frames: readonly Frame[],
  encoder: GraphSession,
  { frame, numFrames, preprocessor }: LatentCacheOptions,
): Promise<void> {
  const pixels = joined(
    await Promise.all(frames.map((each) => frameToPixels(each, { ...frame, fit: 'cover' }))),
  );
  const dims = [numFrames, 3, frame.height, frame.width];
  const { latents } = (await encoder.run({ pixels: floatTensor(dims, pixels) })).tensors;
  const seen = await clipPixels(frames[0] as Frame, { ...preprocessor, resize: 'svd' });
  const size = Math.sqrt(seen.length / 3);
  await writeSafetensors(
    file,
    new Map([
      ['latents', { shape: latents?.dims ?? [], data: latents?.data as Float32Array, as: 'F16' as const }],
      ['clip_pixels', { shape: [3, size, size], data: seen, as: 'F16' as const }],
    ]),
    metadata,
  );
}

/** What there is of a recording as it is now; undefined when anything is missing or damaged. */
function cachedClips(place: Place): CachedClips | undefined {
  const { stamp } = place.recording;
  const list = readList(listOf(place));
  if (list?.stamp !== stamp) return undefined;
  const clips: CachedClips['clips'][number][] = [];
  for (const number of list.cached) {
    const file = fileOf(place, number);
    const instruction = cachedInstruction(file, stamp);
    if (instruction === undefined) return undefined;
    clips.push({ file, instruction });
  }
  return { clips, skipped: list.skipped };
}

function readList(file: string): z.infer<typeof listSchema> | undefined {
  try {
    return listSchema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Of a clip of a recording with that stamp; undefined when there is none, or its file is not whole. */
function cachedInstruction(file: string, stamp: string): string | undefined {
  try {
    const { data: metadata } = metadataSchema.safeParse(readSafetensors(file).metadata);
    return metadata?.stamp === stamp ? metadata.instruction : undefined;
  } catch (error) {
    if (AidError.isInstance(error)) return undefined;
    throw error;
  }
}

function fingerprint({ vae, frame, numFrames, preprocessor }: LatentCacheOptions): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ config: vae.config, frame, numFrames, preprocessor }));
  for (const [key, tensor] of vae.tensors) {
    if (key.startsWith('encoder.') || key.startsWith('quant_conv.'))
      hash.update(key).update(readTensorBytes(tensor));
  }
  return hash.digest('hex').slice(0, 16);
}
