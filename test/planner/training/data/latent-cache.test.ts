import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIP_MEAN, CLIP_STD } from '#planner/conditioning/preprocessor.js';
import { AidError } from '#planner/errors.js';
import { autoencoderConfig } from '#planner/models/autoencoder/config.js';
import { encodeImages } from '#planner/models/autoencoder/encoder.js';
import { Graph } from '#planner/onnx/graph.js';
import { Scope } from '#planner/onnx/scope.js';
import { Random } from '#planner/random.js';
import type { Engine } from '#planner/runtime/engine.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { bagRecordings } from '#planner/training/data/bags/bag-recordings.js';
import type { BagsConfig, DataConfig } from '#planner/training/data/data-config.js';
import type { Recording } from '#planner/training/data/episode.js';
import {
  fillLatentCache,
  type LatentCache,
  type LatentCacheOptions,
  readCachedClip,
} from '#planner/training/data/latent-cache.js';
import { openEpisodes } from '#planner/training/data/open-episodes.js';
import { readSafetensorsHeader, writeSafetensors } from '#planner/weights/safetensors.js';
import { describeWithSamples, samples } from '../../../support/samples.js';
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
    recordings: changes.recordings ?? bagRecordings({ bags }).recordings,
    vae: { config, tensors: readSafetensorsHeader(weights) },
    preprocessor: { imageSize: 32, shortestEdge: 32, mean: CLIP_MEAN, std: CLIP_STD },
    frame: FRAME,
    numFrames: 3,
    ...changes,
  };
}

/** Fills the cache; `encoded` counts the episodes that were not there or not whole. */
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
      if (event.kind === 'encoded' && event.recording === 1) break;
    const controller = new AbortController();
    const aborted = async (): Promise<void> => {
      for await (const event of fillLatentCache(engine, options(bags, { abortSignal: controller.signal })))
        if (event.kind === 'encoded' && event.recording === 3) controller.abort();
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

describe('the latent cache of a recording with many episodes', () => {
  /** A recording whose episodes are gray, `broken` of which cannot be decoded; `read` lists what was decoded. */
  function gray(broken?: number): { recording: Recording; read: number[]; opens: () => number } {
    const read: number[] = [];
    let opens = 0;
    const episodes = Array.from({ length: 4 }, (_, i) => ({
      name: `bag: command ${i}`,
      instruction: `command ${i}`,
      frameCount: 9,
      metadata: {},
      readFrames: async (indices: readonly number[]) => {
        if (i === broken) throw new AidError('invalid-image', `bag: command ${i}: no picture`);
        read.push(i);
        return indices.map(() => ({ ...FRAME, data: new Uint8Array(32 * 32 * 3).fill(20 * i) }));
      },
    }));
    const open = async () => {
      opens += 1;
      return { episodes, skipped: [{ name: 'bag: command 4', reason: 'bag: command 4: no pictures' }] };
    };
    const recording = { name: 'bag', id: 'bag', content: 'bag', stamp: 'written once', open };
    return { recording, read, opens: () => opens };
  }

  it('encodes each as soon as it is decoded, keeps it, and goes on there', async () => {
    const { recording, read } = gray();
    const controller = new AbortController();
    const given = options(temporaryFolder(), { recordings: [recording], abortSignal: controller.signal });
    const seen: string[] = [];
    const stopped = async (): Promise<void> => {
      for await (const event of fillLatentCache(engine, given)) {
        if (event.kind !== 'encoded') continue;
        const { recording: which, recordings: of, episode, episodes } = event;
        seen.push(`${which} of ${of}, ${episode} of ${episodes}: ${read.join()}`);
        if (episode === 2) controller.abort();
      }
    };
    await expect(stopped()).rejects.toMatchObject({
      code: 'aborted',
      message: 'stopped after the latents of 0 of 1 recordings',
    });
    expect(seen).toEqual(['1 of 1, 1 of 4: 0', '1 of 1, 2 of 4: 0,1']);
    const { abortSignal: _, ...further } = given;
    const again = await fill(further);
    expect(read).toEqual([0, 1, 2, 3]);
    expect(again).toMatchObject({
      encoded: 2,
      instructions: ['command 0', 'command 1', 'command 2', 'command 3'],
    });
    expect(again.files.map((file) => readCachedClip(file).instruction)).toEqual(again.instructions);
  });

  it('remembers what was left out, and is not opened again', async () => {
    const { recording, read, opens } = gray(1);
    const given = options(temporaryFolder(), { recordings: [recording] });
    const first = await fill(given);
    expect(first.instructions).toEqual(['command 0', 'command 2', 'command 3']);
    expect(first.skipped.map(({ reason }) => reason)).toEqual([
      'bag: command 4: no pictures',
      'bag: command 1: no picture',
    ]);
    expect(await fill(given)).toEqual({ ...first, encoded: 0 });
    expect([read, opens()]).toEqual([[0, 2, 3], 1]);
  });

  it.each<[string, number, (file: string, list: string) => void]>([
    ['an empty file', 1, (file) => truncateSync(file, 0)],
    ['a file that was cut at its end', 1, (file) => truncateSync(file, statSync(file).size - 1)],
    ['a list that was cut', 0, (_, list) => truncateSync(list, 10)],
  ])('encodes again only what is damaged: %s', async (_, encoded, damage) => {
    const { recording } = gray();
    const given = options(temporaryFolder(), { recordings: [recording] });
    const { name, ...first } = await fill(given);
    const before = first.files.map(readCachedClip);
    damage(first.files[2] as string, join(given.cacheFolder, name, 'bag.json'));
    expect(await fill(given)).toEqual({ name, ...first, encoded });
    expect(first.files.map(readCachedClip)).toEqual(before);
  });

  it('says which setting names another folder where it cannot be written', async () => {
    const cacheFolder = join(temporaryFolder(), '.latents');
    writeFileSync(cacheFolder, 'in the way');
    await expect(
      fill(options(cacheFolder, { recordings: [gray().recording], cacheFolder })),
    ).rejects.toMatchObject({
      code: 'io-failed',
      message: expect.stringMatching(/could not be made: .*; "latents" of a config names another folder$/),
    });
  });
});

describeWithSamples("a cache of users' recordings", () => {
  /** A copy of a sample, whose files can be changed. */
  function copyOf(...names: readonly string[]): string {
    const folder = join(temporaryFolder(), 'data');
    cpSync(samples(...names), folder, { recursive: true, preserveTimestamps: true });
    return folder;
  }

  /** Instructions of the clips in the cache, what was skipped, and how many episodes were encoded. */
  async function filled(config: DataConfig): Promise<{ said: string[]; reasons: string[]; encoded: number }> {
    const { folder, recordings } = await openEpisodes(config);
    const { files, skipped, encoded } = await fill(options(folder, { recordings }));
    return {
      said: files.map((file) => readCachedClip(file).instruction),
      reasons: skipped.map(({ reason }) => reason),
      encoded,
    };
  }

  describe('bags', () => {
    const topics = { image: '/camera/color/compressed', instruction: '/task' };

    it('are encoded again when one command stands for all', async () => {
      const bags = copyOf('bags', 'compressed');
      const commands = ['put the red cube on the plate', 'push the green ball to the left'];
      expect(await filled({ bags, topics })).toMatchObject({ said: [...commands, ...commands], encoded: 4 });
      const tidy = await filled({ bags, topics, instruction: 'tidy up' });
      expect(tidy).toMatchObject({ said: ['tidy up', 'tidy up'], encoded: 2 });
    });

    it('that have no such camera are skipped, whatever was cached of another one', async () => {
      const bags = copyOf('bags', 'compressed');
      await filled({ bags, topics });
      const { said, reasons } = await filled({ bags, topics: { ...topics, image: '/nowhere' } });
      expect([said, reasons.length]).toEqual([[], 2]);
      expect(reasons[0]).toMatch(/no image on \/nowhere; it has images on \/camera\/color\/compressed$/);
    });

    it.each<[string, Partial<BagsConfig>, number]>([
      ['a longest time', { maxSeconds: 0.3 }, 4],
      ['a lead', { leadMs: 200 }, 4],
      ['another time for repetitions', { repeatMs: 0 }, 6],
      [
        'another topic of commands',
        { topics: { ...topics, instruction: '/joint' }, instructionField: 'x' },
        2,
      ],
      ['another field of the commands', { instructionField: 'text' }, 2],
    ])('are read again with %s', async (_, change, count) => {
      const bags = copyOf('bags', 'compressed');
      await filled({ bags, topics });
      const { encoded, reasons } = await filled({ bags, topics, ...change });
      expect(encoded + reasons.length).toBe(count);
    });

    it('are not encoded again for options that say what holds without them, nor in another place', async () => {
      const bags = copyOf('bags', 'compressed');
      await filled({ bags, topics });
      const explicit = { leadMs: 0, repeatMs: 2000, instructionField: 'data' };
      expect((await filled({ bags, topics, ...explicit })).encoded).toBe(0);
      const moved = join(temporaryFolder(), 'moved');
      cpSync(bags, moved, { recursive: true, preserveTimestamps: true });
      expect((await filled({ bags: moved, topics })).encoded).toBe(0);
    });
  });

  it('LeRobot: another camera, an edited task', async () => {
    const lerobot = copyOf('lerobot', 'v2');
    const [top, wrist] = ['observation.images.top', 'observation.images.wrist'];
    const clips = ['pick the red cube', 'push the green cube'];
    expect(await filled({ lerobot, camera: top })).toMatchObject({ said: clips, encoded: 2 });
    expect((await filled({ lerobot, camera: top })).encoded).toBe(0);
    expect((await filled({ lerobot, camera: wrist })).encoded).toBe(2);
    await filled({ lerobot, camera: top });
    const episodes = join(lerobot, 'meta', 'episodes.jsonl');
    writeFileSync(
      episodes,
      readFileSync(episodes, 'utf8').replace('push the green cube', 'shove the green cube'),
    );
    expect(await filled({ lerobot, camera: top })).toMatchObject({
      said: ['pick the red cube', 'shove the green cube'],
      encoded: 1,
    });
  });

  it('LeRobot 3.0: an edited task', async () => {
    const lerobot = copyOf('lerobot', 'v3-image');
    const camera = 'observation.images.top';
    await filled({ lerobot, camera });
    const episodes = join(lerobot, 'meta/episodes/chunk-000/file-000.parquet');
    copyFileSync(samples('lerobot', 'v3-image-edited.parquet'), episodes);
    expect((await filled({ lerobot, camera })).said).toEqual(['pick the red cube', 'shove the green cube']);
  });

  it('BridgeData V2: another camera, a replaced picture in the middle', async () => {
    const bridge = copyOf('bridge');
    const group = join(bridge, 'datacol1_toykitchen1/put_corn_in_pot/00/2023-01-01_12-00-00/raw/traj_group0');
    // Of which a picture is cut.
    rmSync(join(group, 'traj5'), { recursive: true });
    expect((await filled({ bridge })).encoded).toBe(2);
    expect((await filled({ bridge })).encoded).toBe(0);
    expect((await filled({ bridge, camera: 'images1' })).encoded).toBe(2);
    expect((await filled({ bridge })).encoded).toBe(2);
    copyFileSync(join(group, 'traj1/images0/im_6.jpg'), join(group, 'traj0/images0/im_6.jpg'));
    expect((await filled({ bridge })).encoded).toBe(1);
  });

  describe('holds a file for every episode, however alike recordings are called', () => {
    it('videos', async () => {
      const videos = join(temporaryFolder(), 'data');
      const [red, green] = [samples('videos/ssv2/videos/100.webm'), samples('videos/ssv2/videos/2.webm')];
      const mp4 = samples('lerobot/v3-video/videos/observation.images.wrist/chunk-000/file-000.mp4');
      for (const [from, to] of [
        [red, 'a/b-1.webm'],
        [green, 'a-b/1.webm'],
        [red, 'x.webm'],
        [mp4, 'x.mp4'],
      ] as const) {
        mkdirSync(join(videos, to, '..'), { recursive: true });
        copyFileSync(from, join(videos, to));
      }
      const captions = join(videos, 'captions.json');
      writeFileSync(
        captions,
        JSON.stringify({ 'a/b-1': 'red moves', 'a-b/1': 'green moves', x: 'both move' }),
      );
      const { said } = await filled({ videos, captions });
      expect(said.toSorted()).toEqual(['both move', 'both move', 'green moves', 'red moves']);
    });

    it('bags: the second episode of one, and one with its number in its name', async () => {
      const bags = join(temporaryFolder(), 'data');
      mkdirSync(bags);
      const mcap = samples('bags', 'compressed', 'mcap', 'mcap.mcap');
      copyFileSync(mcap, join(bags, 'run.mcap'));
      copyFileSync(mcap, join(bags, 'run.1.mcap'));
      copyFileSync(samples('bags', 'compressed', 'sqlite', 'sqlite.db3'), join(bags, 'run.db3'));
      const { recordings, folder } = await openEpisodes({
        bags,
        topics: { image: '/camera/color/compressed', instruction: '/task' },
      });
      const { files } = await fill(options(folder, { recordings }));
      expect([files.length, new Set(files).size]).toEqual([6, 6]);
      expect(files.every((file) => statSync(file).isFile())).toBe(true);
    });
  });
});
