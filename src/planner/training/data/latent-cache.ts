/**
 * What diffusion training reads of an episode, computed once: the latents of its clip and its first frame as
 * CLIP sees it. One safetensors file an episode, in a folder named by everything that they depend on.
 */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
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
import { type Episode, evenlySpread, reasonToSkip, type SkippedEpisode } from './episode.js';
import { joined } from './joined.js';
import { readMcapBag } from './mcap-bag.js';

export interface LatentCacheOptions {
  readonly cacheFolder: string;
  readonly bags: readonly string[];
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
  readonly skipped: readonly SkippedEpisode[];
}

export type LatentCacheEvent =
  | { readonly kind: 'encoded'; readonly done: number; readonly total: number }
  | { readonly kind: 'end'; readonly cache: LatentCache };

const metadataSchema = z.object({ instruction: z.string(), bag: z.string() });

/** Fills what is missing or was made of another bag of that name, telling how far it is. Errors: `aborted`. */
export async function* fillLatentCache(
  engine: Engine,
  options: LatentCacheOptions,
): AsyncGenerator<LatentCacheEvent> {
  const { cacheFolder, bags, abortSignal } = options;
  const name = fingerprint(options);
  const files: string[] = [];
  const skipped: SkippedEpisode[] = [];
  let session: GraphSession | undefined;
  try {
    for (const [index, bag] of bags.entries()) {
      if (abortSignal?.aborted) {
        const { reason: cause } = abortSignal;
        throw new AidError('aborted', `stopped after the latents of ${index} of ${bags.length} episodes`, {
          cause,
        });
      }
      const file = join(cacheFolder, name, `${basename(bag, '.mcap')}.safetensors`);
      const stamp = stampOf(bag);
      if (!isMadeOf(file, stamp)) {
        try {
          session ??= await loadEncoder(engine, options);
          await writeClip(file, stamp, await readMcapBag(bag), session, options);
        } catch (error) {
          skipped.push({ name: bag, reason: reasonToSkip(error) });
          continue;
        }
        yield { kind: 'encoded', done: index + 1, total: bags.length };
      }
      files.push(file);
    }
  } finally {
    await session?.release();
  }
  yield { kind: 'end', cache: { name, files, skipped } };
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

async function writeClip(
  file: string,
  bag: string,
  episode: Episode,
  encoder: GraphSession,
  { frame, numFrames, preprocessor }: LatentCacheOptions,
): Promise<void> {
  const frames = await episode.readFrames(evenlySpread(episode.frameCount, numFrames));
  const [first] = frames;
  if (first === undefined) throw new AidError('invalid-data', `${episode.name}: no frames`);
  const pixels = joined(
    await Promise.all(frames.map((each) => frameToPixels(each, { ...frame, fit: 'fill' }))),
  );
  const dims = [numFrames, 3, frame.height, frame.width];
  const { latents } = (await encoder.run({ pixels: floatTensor(dims, pixels) })).tensors;
  const seen = await clipPixels(first, { ...preprocessor, resize: 'svd' });
  const size = Math.sqrt(seen.length / 3);
  await writeSafetensors(
    file,
    new Map([
      ['latents', { shape: latents?.dims ?? [], data: latents?.data as Float32Array, as: 'F16' as const }],
      ['clip_pixels', { shape: [3, size, size], data: seen, as: 'F16' as const }],
    ]),
    { instruction: episode.instruction, bag },
  );
}

/** Tells a bag from another one of its name. */
function stampOf(bag: string): string {
  const stats = statSync(bag, { throwIfNoEntry: false });
  return `${stats?.size} bytes of ${stats?.mtimeMs}`;
}

function isMadeOf(file: string, stamp: string): boolean {
  if (!existsSync(file)) return false;
  const { bag } = readSafetensorsMetadata(file);
  return bag === stamp;
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
