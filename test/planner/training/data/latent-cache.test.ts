import { copyFileSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIP_MEAN, CLIP_STD } from '#planner/conditioning/preprocessor.js';
import { autoencoderConfig } from '#planner/models/autoencoder/config.js';
import { encodeImages } from '#planner/models/autoencoder/encoder.js';
import { Graph } from '#planner/onnx/graph.js';
import { Scope } from '#planner/onnx/scope.js';
import { Random } from '#planner/random.js';
import type { Engine } from '#planner/runtime/engine.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { bagRecordings } from '#planner/training/data/bags/bag-recordings.js';
import {
  fillLatentCache,
  type LatentCache,
  type LatentCacheOptions,
  readCachedClip,
} from '#planner/training/data/latent-cache.js';
import { readSafetensorsHeader, writeSafetensors } from '#planner/weights/safetensors.js';
import { bag, putBags, RECIPES, sharedFolder, temporaryFolder } from '../tiny-runs.js';

const FRAME = { width: 32, height: 32 };
const config = autoencoderConfig.parse(RECIPES.autoencoder.vae);
let engine: Engine;
let weights: string;

beforeAll(async () => {
  engine = new OnnxRuntimeEngine({ threads: 1 });
  weights = await writeEncoder(join(sharedFolder(), 'vae.safetensors'), 1);
});
afterAll(() => engine.dispose());

async function writeEncoder(file: string, seed: number): Promise<string> {
  const graph = new Graph('encoder');
  encodeImages(new Scope(graph), graph.input('pixels', 'float32', [3, 3, 32, 32]), config);
  const random = new Random(seed);
  const tensors = [...graph.parameters].map(([key, { shape }]) => {
    const size = (shape as number[]).reduce((a, b) => a * b, 1);
    return [
      key,
      { shape: shape as number[], data: random.normals(size).map((value) => value / 10) },
    ] as const;
  });
  await writeSafetensors(file, new Map(tensors));
  return file;
}

function options(bags: string, changes: Partial<LatentCacheOptions> = {}): LatentCacheOptions {
  return {
    cacheFolder: join(bags, '.latents'),
    recordings: bagRecordings({ bags }).recordings,
    vae: { config, tensors: readSafetensorsHeader(weights) },
    preprocessor: { imageSize: 32, shortestEdge: 32, mean: CLIP_MEAN, std: CLIP_STD },
    frame: FRAME,
    numFrames: 3,
    ...changes,
  };
}

/** Fills the cache; `encoded` counts the episodes that were not there. */
async function fill(given: LatentCacheOptions): Promise<LatentCache & { encoded: number }> {
  let encoded = 0;
  for await (const event of fillLatentCache(engine, given)) {
    if (event.kind === 'end') return { ...event.cache, encoded };
    encoded++;
  }
  return expect.unreachable();
}

describe('the latent cache', () => {
  it("holds each episode's latents, its first frame as CLIP sees it, and its instruction", async () => {
    const { files, skipped, encoded } = await fill(options(putBags(temporaryFolder())));
    expect([files.length, skipped, encoded]).toEqual([4, [], 4]);
    const clips = files.map(readCachedClip);
    expect(clips.map(({ instruction }) => instruction)).toEqual([
      'put the red cube on the blue plate',
      'push the green ball to the left',
      'stack the yellow cube on the red cube',
      'put the blue cube on the red plate',
    ]);
    for (const { latents, clipPixels } of clips) {
      expect([latents.dims, clipPixels.dims]).toEqual([
        [3, 4, 4, 4],
        [3, 32, 32],
      ]);
      expect(latents.data.every(Number.isFinite)).toBe(true);
      // The square moves: the frames differ.
      expect(latents.data.subarray(0, 64)).not.toEqual(latents.data.subarray(64, 128));
    }
  });

  it('is the same from every writer of a bag', async () => {
    const { files } = await fill(
      options(putBags(temporaryFolder(), ['good/episode-0', 'others/zstd', 'others/rosbags'])),
    );
    const [first, ...others] = files.map(readCachedClip);
    for (const other of others) expect(other).toEqual(first);
  });

  it('refills only what is missing', async () => {
    const bags = putBags(temporaryFolder(), ['good/episode-0', 'good/episode-1']);
    const { files } = await fill(options(bags));
    const times = (): number[] => files.map((file) => statSync(file).mtimeMs);
    const before = times();
    expect((await fill(options(bags))).encoded).toBe(0);
    expect(times()).toEqual(before);
    copyFileSync(bag('good/episode-2'), join(bags, 'episode-2.mcap'));
    rmSync(files[1] as string);
    const again = await fill(options(bags));
    expect(again.encoded).toBe(2);
    expect(again.files.slice(0, 2)).toEqual(files);
    expect(times()[0]).toBe(before[0]);
  });

  it('encodes again what is another bag of the same name', async () => {
    const bags = putBags(temporaryFolder(), ['good/episode-0', 'good/episode-1']);
    const [file = ''] = (await fill(options(bags))).files;
    const before = readCachedClip(file);
    copyFileSync(bag('good/episode-3'), join(bags, 'episode-0.mcap'));
    utimesSync(join(bags, 'episode-0.mcap'), 1, 1);
    expect((await fill(options(bags))).encoded).toBe(1);
    expect(readCachedClip(file).instruction).toBe('put the blue cube on the red plate');
    expect(readCachedClip(file).latents).not.toEqual(before.latents);
  });

  it('goes on where it was left, and where it was aborted', async () => {
    const bags = putBags(temporaryFolder());
    for await (const event of fillLatentCache(engine, options(bags)))
      if (event.kind === 'encoded' && event.done === 1) break;
    const controller = new AbortController();
    const aborted = async (): Promise<void> => {
      for await (const event of fillLatentCache(engine, options(bags, { abortSignal: controller.signal })))
        if (event.kind === 'encoded' && event.done === 3) controller.abort();
    };
    await expect(aborted()).rejects.toMatchObject({ code: 'aborted' });
    expect((await fill(options(bags))).encoded).toBe(1);
  });

  it("is another one for other weights of the encoder, sizes or preprocessing, not for the decoder's", async () => {
    const bags = putBags(temporaryFolder(), ['good/episode-0']);
    const given = options(bags);
    const others = await writeEncoder(join(temporaryFolder(), 'vae.safetensors'), 2);
    const names = new Set<string>();
    for (const changes of [
      {},
      { vae: { config, tensors: readSafetensorsHeader(others) } },
      { frame: { width: 16, height: 32 } },
      { numFrames: 2 },
      { preprocessor: { ...given.preprocessor, imageSize: 16, shortestEdge: 16 } },
    ]) {
      const { name, encoded } = await fill({ ...given, ...changes });
      expect(encoded).toBe(1);
      names.add(name);
    }
    expect(names.size).toBe(5);
    expect(new Set(readdirSync(given.cacheFolder))).toEqual(names);
    const decoder = new Map([...given.vae.tensors]);
    decoder.set('decoder.conv_out.weight', [...decoder.values()][0] as never);
    expect((await fill({ ...given, vae: { config, tensors: decoder } })).encoded).toBe(0);
  });

  it('leaves out what cannot be read, with its reason', async () => {
    const broken = [
      'truncated',
      'empty',
      'no-images',
      'no-instruction',
      'no-index',
      'raw-images',
      'corrupt-jpeg',
    ];
    const bags = putBags(temporaryFolder(), ['good/episode-0', ...broken.map((name) => `broken/${name}`)]);
    for (let round = 0; round < 2; round++) {
      const { files, skipped } = await fill(options(bags));
      expect(files.map((file) => basename(file))).toEqual(['episode-0.safetensors']);
      expect(skipped.map(({ name }) => basename(name, '.mcap')).sort()).toEqual(broken.toSorted());
      for (const { name, reason } of skipped) expect(reason.startsWith(`${name}: `)).toBe(true);
    }
  });

  it('fails when the engine does: that is not the fault of an episode', async () => {
    const bags = putBags(temporaryFolder(), ['good/episode-0']);
    const tensors = new Map([...readSafetensorsHeader(weights)].slice(1));
    await expect(fill(options(bags, { vae: { config, tensors } }))).rejects.toThrow();
  });
});
