/**
 * What diffusion training reads of an episode, computed once: the latents of its clip and its first frame as
 * CLIP sees it. One safetensors file an episode, in a folder named by everything that they depend on.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
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
import { type Episode, evenlySpread } from './episode.js';
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
  /** The cached files, one an episode. */
  readonly files: readonly string[];
  /** Episodes that could not be read, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

export type LatentCacheEvent =
  | { readonly kind: 'encoded'; readonly done: number; readonly total: number }
  | { readonly kind: 'end'; readonly cache: LatentCache };

const metadataSchema = z.object({ instruction: z.string() });

/** Fills what is missing, telling how far it is. */
export async function* fillLatentCache(
  engine: Engine,
  options: LatentCacheOptions,
): AsyncGenerator<LatentCacheEvent> {
  const folder = join(options.cacheFolder, fingerprint(options));
  const files: string[] = [];
  const skipped: { name: string; reason: string }[] = [];
  let session: GraphSession | undefined;
  try {
    for (const [index, bag] of options.bags.entries()) {
      const file = join(folder, `${basename(bag, '.mcap')}.safetensors`);
      if (!existsSync(file)) {
        try {
          session ??= await loadEncoder(engine, options);
          await writeClip(file, await readMcapBag(bag), session, options);
        } catch (error) {
          if (
            !AidError.isInstance(error) ||
            (error.code !== 'invalid-data' && error.code !== 'invalid-image')
          )
            throw error;
          skipped.push({ name: bag, reason: error.message });
          continue;
        }
        yield { kind: 'encoded', done: index + 1, total: options.bags.length };
      }
      files.push(file);
    }
  } finally {
    await session?.release();
  }
  yield { kind: 'end', cache: { files, skipped } };
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
    { instruction: episode.instruction },
  );
}

/** Changes with the autoencoder's weights, the sizes and the preprocessing. */
function fingerprint({ vae, frame, numFrames, preprocessor }: LatentCacheOptions): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ config: vae.config, frame, numFrames, preprocessor }));
  for (const [key, tensor] of vae.tensors) {
    if (key.startsWith('encoder.') || key.startsWith('quant_conv.'))
      hash.update(key).update(readTensorBytes(tensor));
  }
  return hash.digest('hex').slice(0, 16);
}
