/** Training runs of networks a few thousand times smaller than real ones, on the bags of `test/fixtures/bags`. */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, onTestFinished } from 'vitest';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { type RunEvent, run } from '#planner/training/run.js';
import { readRunConfig } from '#planner/training/run-config.js';
import type { TrainStep } from '#planner/training/train.js';
import { readFloats, readSafetensorsHeader } from '#planner/weights/safetensors.js';
import { TEMPLATE_WORDS } from '../../support/template-words.js';

type Json = { readonly [key: string]: unknown };

const BAGS = fileURLToPath(new URL('../../fixtures/bags/', import.meta.url));
export const GOOD = ['good/episode-0', 'good/episode-1', 'good/episode-2', 'good/episode-3'] as const;

export const bag = (name: string): string => join(BAGS, `${name}.mcap`);

/** An empty folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'aid-training-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An empty folder that goes when the tests of a file end. */
export function sharedFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'aid-training-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Copies bags into `folder/bags`, beside those that are there. */
export function putBags(folder: string, names: readonly string[] = GOOD): string {
  const bags = join(folder, 'bags');
  mkdirSync(bags, { recursive: true });
  for (const name of names) copyFileSync(bag(name), join(bags, `${name.split('/').at(-1)}.mcap`));
  return bags;
}

const FRAME = { width: 32, height: 32 };
const WIDTH = 16;
const TOWER = {
  hidden_size: WIDTH,
  intermediate_size: 2 * WIDTH,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  hidden_act: 'gelu',
  projection_dim: WIDTH,
};
const DATA = { data: { bags: 'bags' }, frame: FRAME };
const DENOISING = { ...DATA, numFrames: 3, clipsPerRun: 2 };
const LEARNING = { peak: 0.003, warmupSteps: 4, decay: 'none' };
const WORDS = 'put push stack the red green blue yellow cube ball plate on left to'.split(' ');

/** Each recipe's own part of a config, and its steps. */
export const RECIPES = {
  autoencoder: {
    recipe: 'autoencoder',
    ...DATA,
    framesPerEpisode: 6,
    framesPerClip: 2,
    clipsPerRun: 2,
    vae: {
      in_channels: 48,
      out_channels: 48,
      down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D'],
      block_out_channels: [32, 32],
      scaling_factor: 1,
      patch_size: 4,
    },
  },
  backbone: {
    recipe: 'backbone',
    ...DENOISING,
    base: 'autoencoder/model',
    unet: {
      down_block_types: ['CrossAttnDownBlockSpatioTemporal', 'CrossAttnDownBlockSpatioTemporal'],
      up_block_types: ['CrossAttnUpBlockSpatioTemporal', 'CrossAttnUpBlockSpatioTemporal'],
      block_out_channels: [32, 32],
      addition_time_embed_dim: 32,
      projection_class_embeddings_input_dim: 96,
      layers_per_block: 1,
      cross_attention_dim: WIDTH,
      num_attention_heads: [1, 2],
      num_frames: 3,
    },
    image_encoder: { ...TOWER, image_size: 32, patch_size: 16 },
  },
  adapt: {
    recipe: 'adapt',
    ...DENOISING,
    base: 'backbone/model',
    words: [...new Set([...WORDS, ...TEMPLATE_WORDS])],
    aid: {
      dqformer: { dim: WIDTH, heads: 2, num_frames: 3, num_queries: 2, text_dim: WIDTH, vision_dim: WIDTH },
      adapters: { reduction: 2, heads: 2 },
      text_length: 16,
      fill: 'repeat',
      video: FRAME,
      sampling: { num_inference_steps: 2 },
    },
    text_encoder: { ...TOWER, max_position_embeddings: 16 },
    train: ['text_encoder'],
  },
} as const satisfies Record<string, Json>;
export type RecipeName = keyof typeof RECIPES;

/** Writes `NAME.json` into the folder; its output is `folder/NAME` unless changed. */
export function writeConfig(folder: string, name: RecipeName, changes: Json = {}, recipe: Json = {}): string {
  const file = join(folder, `${(changes.output as string | undefined) ?? name}.json`);
  const config = {
    output: name,
    steps: 8,
    learningRate: LEARNING,
    checkpointEverySteps: 4,
    threads: 1,
    ...changes,
    recipe: { ...RECIPES[name], ...recipe },
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

/** Runs a config file to its end, or until the signal aborts it. */
export async function runConfig(
  file: string,
  onEvent: (event: RunEvent) => void | Promise<void> = () => undefined,
  abortSignal?: AbortSignal,
  threads = 1,
): Promise<RunEvent[]> {
  const engine = new OnnxRuntimeEngine({ threads });
  const events: RunEvent[] = [];
  try {
    const options = { engine, ...(abortSignal === undefined ? {} : { abortSignal }) };
    for await (const event of run(readRunConfig(file), options)) {
      events.push(event);
      await onEvent(event);
    }
  } finally {
    await engine.dispose();
  }
  return events;
}

export const ofKind = <Kind extends RunEvent['kind']>(events: readonly RunEvent[], kind: Kind) =>
  events.filter((event): event is Extract<RunEvent, { kind: Kind }> => event.kind === kind);

/** What of a step does not depend on the clock. */
export const numbersOf = ({ step, loss, measures, gradientNorm, learningRate }: TrainStep) => ({
  step,
  loss,
  measures,
  gradientNorm,
  learningRate,
});

/** The steps in the log of a run. */
export function loggedSteps(folder: string): ReturnType<typeof numbersOf>[] {
  return logged(folder)
    .filter((event): event is TrainStep => event.kind === 'step')
    .map(numbersOf);
}

export function logged(folder: string): RunEvent[] {
  const lines = readFileSync(join(folder, 'log.jsonl'), 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as RunEvent);
}

/** Every tensor of a model folder, by `component.key`. */
export function modelTensors(folder: string): Map<string, { type: string; values: Float32Array }> {
  const tensors = new Map<string, { type: string; values: Float32Array }>();
  for (const name of readdirSync(folder)) {
    for (const file of safetensorsIn(join(folder, name))) {
      for (const [key, stored] of readSafetensorsHeader(file))
        tensors.set(`${name}.${key}`, { type: stored.type, values: readFloats(stored) });
    }
  }
  return tensors;
}

/** Makes the first number of a tensor in half precision none. */
export function breakTensor(file: string, key: string): void {
  const { offset = 0 } = readSafetensorsHeader(file).get(key) ?? {};
  const bytes = readFileSync(file);
  bytes.writeUInt16LE(0x7e00, offset);
  writeFileSync(file, bytes);
}

/** A hash of each file in a folder and its folders, by path, but for the lock of a run that goes on. */
export function hashes(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (file) => file.isFile() && file.name !== '.lock',
  );
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(
    paths.map((path) => [
      relative(folder, path),
      createHash('sha256').update(readFileSync(path)).digest('hex'),
    ]),
  );
}

function safetensorsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.safetensors'))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
