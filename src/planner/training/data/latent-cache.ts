/**
 * What diffusion training reads of an episode, computed once: the latents of its clip and its first frame as
 * CLIP sees it. One safetensors file an episode, in a folder named by everything that they depend on.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Frame } from '../../conditioning/frame.js';
import { clipPixels, frameToPixels } from '../../conditioning/image-tensors.js';
import type { ClipPreprocessor } from '../../conditioning/preprocessor.js';
import { AidError } from '../../errors.js';
import type { AutoencoderConfig } from '../../models/autoencoder/config.js';
import { encodeImages } from '../../models/autoencoder/encoder.js';
import { Graph } from '../../onnx/graph.js';
import { Scope } from '../../onnx/scope.js';
import type { Engine, GraphSession } from '../../runtime/engine.js';
import { type FloatTensor, floatTensor } from '../../runtime/tensor.js';
import {
  readFloats,
  readSafetensorsHeader,
  readSafetensorsMetadata,
  readTensorBytes,
  type StoredTensor,
  writeSafetensors,
} from '../../weights/safetensors.js';
import {
  type Episode,
  type EpisodeSet,
  evenlySpread,
  type OpenedRecording,
  reasonToSkip,
  type SkippedEpisode,
} from './episode.js';
import { joined } from './joined.js';

export interface LatentCacheOptions {
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
  | { readonly kind: 'encoded'; readonly done: number; readonly total: number }
  | { readonly kind: 'end'; readonly cache: LatentCache };

const metadataSchema = z.object({
  instruction: z.string(),
  /** The recording's. */
  stamp: z.string(),
  /** Cached ones of the recording. */
  episodes: z.coerce.number().int().positive(),
  /** Parts of the recording that were left out, as JSON. */
  skipped: z.string(),
});
const skippedSchema = z.array(z.object({ name: z.string(), reason: z.string() }));

/**
 * Fills what is missing, was made of another recording of that name, or was read of it in another way, telling how
 * far it is. Errors: `aborted`.
 */
export async function* fillLatentCache(
  engine: Engine,
  options: LatentCacheOptions,
): AsyncGenerator<LatentCacheEvent> {
  const { cacheFolder, recordings, abortSignal } = options;
  const name = fingerprint(options);
  const files: string[] = [];
  const instructions: string[] = [];
  const skipped: SkippedEpisode[] = [];
  let session: GraphSession | undefined;
  try {
    for (const [index, recording] of recordings.entries()) {
      if (abortSignal?.aborted) {
        const { reason: cause } = abortSignal;
        throw new AidError(
          'aborted',
          `stopped after the latents of ${index} of ${recordings.length} recordings`,
          {
            cause,
          },
        );
      }
      const { id, stamp } = recording;
      const fileOf = (episode: number): string => join(cacheFolder, name, fileName(id, episode));
      let cached = cachedClips(fileOf, stamp);
      if (cached === undefined) {
        try {
          const opened = await recording.open();
          session ??= await loadEncoder(engine, options);
          cached = await writeClips(fileOf, stamp, opened, session, options);
        } catch (error) {
          skipped.push({ name: recording.name, reason: reasonToSkip(error) });
          continue;
        }
        yield { kind: 'encoded', done: index + 1, total: recordings.length };
      }
      skipped.push(...cached.skipped);
      files.push(...cached.instructions.map((_, episode) => fileOf(episode)));
      instructions.push(...cached.instructions);
    }
  } finally {
    await session?.release();
  }
  yield { kind: 'end', cache: { name, files, instructions, skipped } };
}

/** A recording's first episode beside the others' folder: no file has a folder's ending. */
function fileName(id: string, episode: number): string {
  return episode === 0 ? `${id}.safetensors` : join(`${id}.episodes`, `${episode}.safetensors`);
}

export function readCachedClip(file: string): CachedClip {
  const stored = readSafetensorsHeader(file);
  const tensor = (name: string): FloatTensor => {
    const found = stored.get(name);
    if (found === undefined) throw new AidError('invalid-data', `${file}: no tensor ${name}`);
    return floatTensor(found.shape, readFloats(found));
  };
  const { instruction } = metadataSchema.parse(readSafetensorsMetadata(file));
  return { instruction, latents: tensor('latents'), clipPixels: tensor('clip_pixels') };
}

async function loadEncoder(
  engine: Engine,
  { vae, frame, numFrames }: LatentCacheOptions,
): Promise<GraphSession> {
  const graph = new Graph('vae-encoder');
  const pixels = graph.input('pixels', 'float32', [numFrames, 3, frame.height, frame.width]);
  graph.output('latents', encodeImages(new Scope(graph), pixels, vae.config).mean);
  return engine.load(graph, { weights: (key) => vae.tensors.get(key) });
}

/** The clips of one recording. */
interface CachedClips {
  /** Of each clip. */
  readonly instructions: readonly string[];
  readonly skipped: readonly SkippedEpisode[];
}

/** Writes the clips of the episodes that can be read, the first one last: it says how many there are. */
async function writeClips(
  fileOf: (episode: number) => string,
  stamp: string,
  { episodes, skipped: parts }: OpenedRecording,
  encoder: GraphSession,
  options: LatentCacheOptions,
): Promise<CachedClips> {
  const skipped = [...parts];
  const clips: { readonly episode: Episode; readonly frames: readonly Frame[] }[] = [];
  for (const episode of episodes) {
    try {
      const frames = await episode.readFrames(evenlySpread(episode.frameCount, options.numFrames));
      clips.push({ episode, frames });
    } catch (error) {
      skipped.push({ name: episode.name, reason: reasonToSkip(error) });
    }
  }
  for (const [index, { episode, frames }] of [...clips.entries()].toReversed()) {
    const metadata = {
      instruction: episode.instruction,
      stamp,
      episodes: String(clips.length),
      skipped: JSON.stringify(skipped),
    };
    await writeClip(fileOf(index), metadata, frames, encoder, options);
  }
  return { instructions: clips.map(({ episode }) => episode.instruction), skipped };
}

async function writeClip(
  file: string,
  metadata: Readonly<Record<string, string>>,
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

/** What there is of a recording with that stamp; undefined when something is missing. */
function cachedClips(fileOf: (episode: number) => string, stamp: string): CachedClips | undefined {
  const first = metadataOf(fileOf(0));
  if (first?.stamp !== stamp) return undefined;
  const instructions = [first.instruction];
  for (let episode = 1; episode < first.episodes; episode++) {
    const other = metadataOf(fileOf(episode));
    if (other?.stamp !== stamp) return undefined;
    instructions.push(other.instruction);
  }
  return { instructions, skipped: skippedSchema.parse(JSON.parse(first.skipped)) };
}

function metadataOf(file: string): z.infer<typeof metadataSchema> | undefined {
  return existsSync(file) ? metadataSchema.safeParse(readSafetensorsMetadata(file)).data : undefined;
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
