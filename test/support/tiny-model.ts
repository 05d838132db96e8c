/** A model folder of random weights: every network that a real one has, a few hundred times smaller. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { CLIP_MEAN, CLIP_STD } from '#planner/conditioning/preprocessor.js';
import { loadTokenizer } from '#planner/conditioning/tokenizer.js';
import { writeWordTokenizer } from '#planner/conditioning/word-tokenizer.js';
import {
  conditionGraph,
  decoderGraph,
  denoiserGraph,
  frameEncoderGraph,
  visionGraph,
} from '#planner/imagination/graphs.js';
import type { Networks } from '#planner/imagination/networks.js';
import { aidConfig } from '#planner/models/aid-config.js';
import { autoencoderConfig } from '#planner/models/autoencoder/config.js';
import { clipTextConfig, clipVisionConfig } from '#planner/models/clip/config.js';
import { unetConfig } from '#planner/models/unet/config.js';
import { Random } from '#planner/random.js';
import { writeComponent, writeJson } from '#planner/training/recipes/component-files.js';
import { TEMPLATE_WORDS } from './template-words.js';

export interface TinyModelOptions {
  readonly seed?: number;
  /** Frames of a clip, 4 unless said otherwise. */
  readonly numFrames?: number;
  /** Pixels, divisible by 4; 32x32 unless said otherwise. */
  readonly width?: number;
  readonly height?: number;
  /** Words besides the default ones that count as known. */
  readonly words?: readonly string[];
  /** Whether the UNet's last layer is zero: then it says nothing, F(x) = 0. */
  readonly silent?: boolean;
  /** Any part of `aid/config.json`, instead of the default. */
  readonly aid?: Readonly<Record<string, unknown>>;
}

const SENTENCES =
  'put push stack the red green blue yellow cube ball block cylinder plate on left right to of a';
const WIDTH = 32;

/** Writes the folder, about 3 MB. The same options give the same bytes. */
export async function writeTinyModel(folder: string, options: TinyModelOptions = {}): Promise<string> {
  const { seed = 1, numFrames = 4, width = 32, height = 32, words = [] } = options;
  const tokenizerFolder = join(folder, 'tokenizer');
  await writeWordTokenizer(tokenizerFolder, [...SENTENCES.split(' '), ...TEMPLATE_WORDS, ...words]);
  const tokenizer = await loadTokenizer(tokenizerFolder);
  const tower = {
    hidden_size: WIDTH,
    intermediate_size: 2 * WIDTH,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    hidden_act: 'gelu',
    projection_dim: WIDTH,
  };
  const configs = {
    unet: {
      in_channels: 8,
      out_channels: 4,
      down_block_types: ['CrossAttnDownBlockSpatioTemporal', 'CrossAttnDownBlockSpatioTemporal'],
      up_block_types: ['CrossAttnUpBlockSpatioTemporal', 'CrossAttnUpBlockSpatioTemporal'],
      block_out_channels: [32, 32],
      addition_time_embed_dim: 32,
      projection_class_embeddings_input_dim: 96,
      layers_per_block: 1,
      cross_attention_dim: WIDTH,
      num_attention_heads: [1, 2],
      num_frames: numFrames,
    },
    vae: {
      in_channels: 3,
      out_channels: 3,
      down_block_types: Array(3).fill('DownEncoderBlock2D'),
      block_out_channels: [32, 32, 32],
      layers_per_block: 1,
      latent_channels: 4,
      scaling_factor: 1,
    },
    image_encoder: { ...tower, image_size: 32, patch_size: 16, num_channels: 3 },
    text_encoder: {
      ...tower,
      vocab_size: tokenizer.vocabSize,
      max_position_embeddings: 24,
      eos_token_id: tokenizer.endTokenId,
    },
    aid: {
      dqformer: {
        dim: WIDTH,
        heads: 2,
        num_frames: numFrames,
        num_queries: 2,
        text_dim: WIDTH,
        vision_dim: WIDTH,
      },
      adapters: { reduction: 2, heads: 2 },
      text_length: 24,
      video: { width, height, frames_per_second: 5 },
      sampling: { num_inference_steps: 2, frame_guidance: 1, text_guidance: 2 },
      presets: { fast: { num_inference_steps: 1, text_guidance: 1 } },
      ...options.aid,
    },
  };
  const networks: Omit<Networks, 'preprocessor'> = {
    path: folder,
    unet: unetConfig.parse(configs.unet),
    vae: autoencoderConfig.parse(configs.vae),
    vision: clipVisionConfig.parse(configs.image_encoder),
    text: clipTextConfig.parse(configs.text_encoder),
    aid: aidConfig.parse(configs.aid),
    tokenizer,
    tensors: new Map(),
  };
  const values = randomValues(networks as Networks, { numFrames, width, height }, seed);
  if (options.silent === true)
    for (const [key, { data }] of values) if (key.startsWith('unet.conv_out.')) data.fill(0);
  const named = (pick: (key: string) => boolean, prefix = '') =>
    new Map([...values].filter(([key]) => pick(key)).map(([key, value]) => [prefix + key, value]));

  const own = (key: string): boolean => /^dqformer\.|_adapter\.|\.attn2\./.test(key);
  const diffusers = 'diffusion_pytorch_model.safetensors';
  const files = {
    unet: diffusers,
    vae: diffusers,
    image_encoder: 'model.safetensors',
    text_encoder: 'model.safetensors',
  };
  for (const name of ['unet', 'vae', 'image_encoder', 'text_encoder'] as const) {
    const part = named((key) => key.startsWith(`${name}.`) && !key.includes('_adapter.'));
    await writeComponent(join(folder, name), name, part, configs[name], files[name]);
  }
  await writeComponent(join(folder, 'aid'), 'aid', named(own, 'aid.'), configs.aid, 'model.safetensors');
  await writeJson(join(folder, 'feature_extractor', 'preprocessor_config.json'), {
    crop_size: 32,
    size: 32,
    image_mean: CLIP_MEAN,
    image_std: CLIP_STD,
  });
  await writeJson(join(folder, 'model_index.json'), { _class_name: 'AidPipeline', aid: { numFrames } });
  return folder;
}

/** A tiny model in a folder that goes when the test ends. */
export async function tinyModel(options: TinyModelOptions = {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'aid-tiny-model-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return writeTinyModel(folder, options);
}

/** A value for every parameter; none is zero, so that every input has an effect. */
function randomValues(
  networks: Networks,
  geometry: { readonly numFrames: number; readonly width: number; readonly height: number },
  seed: number,
): Map<string, { shape: readonly number[]; data: Float32Array }> {
  const values = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  const graphs = [frameEncoderGraph, visionGraph, conditionGraph, denoiserGraph, decoderGraph];
  const keys = new Map(
    graphs.flatMap((build) =>
      [...build(networks, geometry).parameters].map(
        ([key, value]) => [key, value.shape as number[]] as const,
      ),
    ),
  );
  for (const [index, key] of [...keys.keys()].sort().entries()) {
    const shape = keys.get(key) ?? [];
    const random = new Random(seed, index);
    const size = shape.reduce((a, b) => a * b, 1);
    const [middle, spread] = firstValue(key, shape);
    values.set(key, { shape, data: random.normals(size).map((value) => middle + spread * value) });
  }
  return values;
}

function firstValue(key: string, shape: readonly number[]): readonly [middle: number, spread: number] {
  if (shape.length <= 1) return [/norm\w*\.weight$/.test(key) ? 1 : 0, 0.1];
  if (/embedding|queries/.test(key)) return [0, 0.5];
  return [0, 1 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b, 1))];
}
