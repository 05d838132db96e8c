/** Scenes and what truly happens in them under every command, as `sim/` writes them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Frame } from '../conditioning/frame.js';
import { fittedFrame } from '../conditioning/image-tensors.js';
import { AidError } from '../errors.js';
import { takeLock, waitForLock } from '../lock-file.js';
import { openBag } from '../training/data/bags/open-bag.js';
import { type Episode, evenlySpread } from '../training/data/episode.js';
import { parseConfig, readJson } from '../weights/model-component.js';
import {
  makeScenes,
  type SeedRange,
  SIM_FOLDER,
  type SimulatedEvent,
  simFingerprint,
} from './scene-maker.js';
import type { SceneVariant } from './scene-variant.js';

const commandEntry = z.object({
  index: z.int().nonnegative(),
  family: z.string(),
  instruction: z.string().min(1),
  heldOutInstruction: z.string().min(1).nullable(),
  /** Path from the folder of `scenes.json`. */
  bag: z.string(),
  /** `all` of them, or only the first and the last: `ends`. */
  frames: z.enum(['all', 'ends']),
});
const sceneEntry = z.object({
  seed: z.int().nonnegative(),
  /** `index` of the command whose every frame is there. */
  commanded: z.int().nonnegative(),
  /** The bag of the same command carried out in another way, where that succeeded. */
  again: z.string().nullable().default(null),
  /** What is recorded where the expert failed at the seed's own command in its own way. */
  standIn: z.enum(['another-way', 'another-command']).optional(),
  /** Commands at which the expert failed, which are not among `commands`: how many for which reason. */
  failedCommands: z.record(z.string(), z.int().nonnegative()).default({}),
  commands: z.array(commandEntry).min(2),
});
const scenesFile = z.object({
  generator: z.string(),
  version: z.string(),
  variant: z.string(),
  width: z.int().positive(),
  height: z.int().positive(),
  fps: z.number().positive(),
  skippedSeeds: z.record(z.string(), z.string()),
  scenes: z.array(sceneEntry),
});

/** A scene as `scenes.json` lists it. */
export type SceneEntry = z.infer<typeof sceneEntry>;

/** Size and length of the clips to compare with. */
export interface ClipFormat {
  readonly numFrames: number;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** A scene in memory. */
export interface Scene {
  readonly seed: number;
  readonly commands: readonly {
    readonly family: string;
    readonly instruction: string;
    /** The same command in words that no training episode has. */
    readonly heldOutInstruction: string | null;
  }[];
  /** Place of the commanded one among the commands. */
  readonly commanded: number;
  /** The camera's first frame as it came. */
  readonly given: Frame;
  /** What truly happens under the commanded one: frames spread evenly, resized as the planner resizes. */
  readonly clip: readonly Frame[];
  /** The same command truly carried out in another way, like `clip`; undefined where there is no such recording. */
  readonly again?: readonly Frame[];
  /** How the scene truly looks in the end under each of the commands, resized likewise. */
  readonly outcomes: readonly Frame[];
}

export interface SceneSet {
  readonly folder: string;
  readonly seeds: SeedRange;
  /** What made it, such as "aid-sim 0.1.0". */
  readonly generator: string;
  /** Of the simulator's sources and, with another table, of its variant file. */
  readonly fingerprint: string;
  /** The table's name. */
  readonly variant: string;
  /** Of the camera's pictures. */
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly scenes: readonly SceneEntry[];
  /** Seeds that made no scene, and why. */
  readonly skipped: readonly { readonly seed: number; readonly reason: string }[];
  /** Reads and resizes one. Errors: `invalid-data`, `invalid-image`. */
  load(scene: SceneEntry, format: ClipFormat): Promise<Scene>;
}

export interface SceneSetOptions {
  readonly seeds: SeedRange;
  /** Folder that keeps scenes from one time to the next. */
  readonly cache: string;
  /** Of the camera's pictures; 128x128, as the training episodes have it, unless said otherwise. */
  readonly size?: { readonly width: number; readonly height: number };
  /** Processes that simulate; 1 unless said otherwise. */
  readonly workers?: number;
  /** The default table unless said otherwise. */
  readonly variant?: SceneVariant | undefined;
  readonly simFolder?: string;
  /** Told in a line when the wait for another process begins that makes scenes there; without it, there is no waiting. */
  readonly onWaiting?: (line: string) => void;
  readonly abortSignal?: AbortSignal | undefined;
}

export type SceneSetEvent = SimulatedEvent | { readonly kind: 'end'; readonly set: SceneSet };

const SIZE = { width: 128, height: 128 };

/**
 * Opens the scenes of these seeds, making those that the cache lacks. Scenes of another size, another table or another
 * version of the simulator are kept apart. Errors: `invalid-argument`, `invalid-data`, `aborted`; `io-failed` when
 * another process makes scenes there and nobody is told of the wait.
 */
export async function* openSceneSet(
  options: SceneSetOptions,
): AsyncGenerator<SceneSetEvent, void, undefined> {
  const { seeds, cache, size = SIZE, workers = 1, variant, simFolder = SIM_FOLDER } = options;
  const { onWaiting, abortSignal } = options;
  const { from, to } = seeds;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to <= from)
    throw new AidError('invalid-argument', `seeds: expected A:B with 0 <= A < B, got ${from}:${to}`);
  const sources = simFingerprint(simFolder);
  const fingerprint = variant === undefined ? sources : `${sources}-${variant.digest}`;
  const folder = join(cache, `${size.width}x${size.height}-${fingerprint}`);
  const file = join(folder, 'scenes.json');
  const areThere = (): boolean => existsSync(file) && isComplete(readScenesFile(file), seeds);
  if (!areThere()) {
    const [lock, what] = [join(folder, '.lock'), `the scenes in ${folder}`];
    const held = await (onWaiting === undefined
      ? takeLock(lock, what)
      : waitForLock(lock, what, { onWaiting, abortSignal }));
    try {
      // The process that was waited for may have made them.
      if (!areThere())
        yield* makeScenes({ seeds, folder, size, workers, variant: variant?.file, simFolder, abortSignal });
    } finally {
      await held.release();
    }
  }
  const content = readScenesFile(file);
  if (!isComplete(content, seeds))
    throw new AidError('invalid-data', `${file}: expected the seeds ${from}:${to}, some are missing`);
  if (content.width !== size.width || content.height !== size.height)
    throw new AidError(
      'invalid-data',
      `${file}: expected pictures of ${size.width}x${size.height}, got ${content.width}x${content.height}`,
    );
  const inRange = (seed: number): boolean => seed >= from && seed < to;
  const scenes = content.scenes.filter(({ seed }) => inRange(seed));
  if (scenes.length === 0)
    throw new AidError('invalid-data', `${file}: no scene among the seeds ${from}:${to}`);
  yield {
    kind: 'end',
    set: {
      folder,
      seeds,
      generator: `${content.generator} ${content.version}`,
      fingerprint,
      variant: content.variant,
      width: content.width,
      height: content.height,
      framesPerSecond: content.fps,
      scenes,
      skipped: Object.entries(content.skippedSeeds)
        .map(([seed, reason]) => ({ seed: Number(seed), reason }))
        .filter(({ seed }) => inRange(seed)),
      load: (scene, format) => loadScene(folder, scene, format),
    },
  };
}

function readScenesFile(file: string): z.infer<typeof scenesFile> {
  try {
    return parseConfig(scenesFile, readJson(file), file);
  } catch (cause) {
    throw new AidError('invalid-data', (cause as Error).message, { cause });
  }
}

function isComplete({ scenes, skippedSeeds }: z.infer<typeof scenesFile>, { from, to }: SeedRange): boolean {
  const known = new Set([...scenes.map(({ seed }) => seed), ...Object.keys(skippedSeeds).map(Number)]);
  for (let seed = from; seed < to; seed++) if (!known.has(seed)) return false;
  return true;
}

async function loadScene(
  folder: string,
  { seed, commanded, again, commands }: SceneEntry,
  format: ClipFormat,
): Promise<Scene> {
  const fail = (what: string): never => {
    throw new AidError('invalid-data', `${folder}: scene ${seed}: ${what}`);
  };
  const place = commands.findIndex(({ index }) => index === commanded);
  if (place < 0) fail(`its command ${commanded} is not listed`);
  const episodeIn = async (bag: string, instruction: string): Promise<Episode> => {
    const { episodes } = await openBag(join(folder, bag), [join(folder, bag)]);
    const episode = episodes[0] as Episode;
    if (episode.instruction !== instruction)
      fail(`${bag} has the instruction "${episode.instruction}", expected "${instruction}"`);
    return episode;
  };
  const evenFrames = (episode: Episode): Promise<Frame[]> =>
    episode.readFrames(evenlySpread(episode.frameCount, format.numFrames));
  const allResized = (frames: readonly Frame[]): Promise<Frame[]> =>
    Promise.all(frames.map((frame) => fittedFrame(frame, format)));
  let given: Frame | undefined;
  let clip: readonly Frame[] = [];
  const outcomes: Frame[] = [];
  for (const [index, { bag, frames, instruction }] of commands.entries()) {
    const episode = await episodeIn(bag, instruction);
    if (frames === 'ends' && episode.frameCount !== 2)
      fail(`${bag}: expected its first and last frame, got ${episode.frameCount}`);
    if (index === place) {
      if (frames !== 'all') fail(`${bag}: expected every frame of the commanded one`);
      const all = await evenFrames(episode);
      given = all[0];
      clip = await allResized(all);
      outcomes.push(clip.at(-1) as Frame);
    } else {
      const [last] = await episode.readFrames([episode.frameCount - 1]);
      outcomes.push(await fittedFrame(last as Frame, format));
    }
  }
  const { instruction = '' } = commands[place] ?? {};
  return {
    seed,
    commands,
    commanded: place,
    given: given as Frame,
    clip,
    ...(again === null
      ? {}
      : { again: await allResized(await evenFrames(await episodeIn(again, instruction))) }),
    outcomes,
  };
}
