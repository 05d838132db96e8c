/** The networks of a model folder: configs read and checked against each other, tensors under one key space. */
import type { z } from 'zod';
import { type ClipPreprocessor, readClipPreprocessor } from '../conditioning/preprocessor.js';
import { loadTokenizer, type Tokenizer } from '../conditioning/tokenizer.js';
import { readWordList } from '../conditioning/word-list.js';
import { AidError } from '../errors.js';
import { type AidConfig, aidConfig } from '../models/aid-config.js';
import { type AutoencoderConfig, autoencoderConfig, spatialFactor } from '../models/autoencoder/config.js';
import {
  type ClipTextConfig,
  type ClipVisionConfig,
  clipTextConfig,
  clipVisionConfig,
} from '../models/clip/config.js';
import { type UNetConfig, unetConfig } from '../models/unet/config.js';
import { configOf } from '../weights/model-component.js';
import { openModelFolder } from '../weights/model-folder.js';
import type { StoredTensor } from '../weights/safetensors.js';

export interface Networks {
  readonly path: string;
  readonly aid: AidConfig;
  readonly unet: UNetConfig;
  readonly vae: AutoencoderConfig;
  readonly text: ClipTextConfig;
  readonly vision: ClipVisionConfig;
  readonly tokenizer: Tokenizer;
  readonly preprocessor: ClipPreprocessor;
  /** By `component.key`; AID's own `attn2` stand in for the backbone's. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Errors: `invalid-model-folder`, `invalid-config`, `invalid-weights`. */
export async function readNetworks(path: string): Promise<Networks> {
  const folder = openModelFolder(path);
  const tensors = new Map<string, StoredTensor>();
  const read = <Schema extends z.ZodType>(
    name: 'unet' | 'vae' | 'image_encoder' | 'text_encoder',
    schema: Schema,
  ) => {
    const component = folder.component(name);
    for (const [key, tensor] of component.tensors) tensors.set(`${name}.${key}`, tensor);
    return configOf(schema, component);
  };
  const [unet, vae] = [read('unet', unetConfig), read('vae', autoencoderConfig)];
  const [vision, text] = [read('image_encoder', clipVisionConfig), read('text_encoder', clipTextConfig)];
  const own = folder.component('aid');
  const aid = configOf(aidConfig, own);
  for (const [key, tensor] of own.tensors) tensors.set(key, tensor);
  const networks: Networks = {
    path,
    aid,
    unet,
    vae,
    text,
    vision,
    tokenizer: await loadTokenizer(folder.folder('tokenizer'), {
      trainedWords: await readWordList(own.folder),
    }),
    preprocessor: await readClipPreprocessor(folder.folder('feature_extractor')),
    tensors,
  };
  checkAgreement(networks);
  return networks;
}

/** What one network gives must be what the next one takes. */
function checkAgreement({ path, aid, unet, vae, text, vision, tokenizer, preprocessor }: Networks): void {
  const factor = spatialFactor(vae);
  const widths =
    typeof unet.cross_attention_dim === 'number' ? [unet.cross_attention_dim] : unet.cross_attention_dim;
  const checks: readonly (readonly [boolean, string])[] = [
    [
      unet.in_channels === 2 * vae.latent_channels,
      `unet.in_channels ${unet.in_channels} is not twice vae.latent_channels ${vae.latent_channels}`,
    ],
    [
      unet.out_channels === vae.latent_channels,
      `unet.out_channels ${unet.out_channels} is not vae.latent_channels ${vae.latent_channels}`,
    ],
    [
      widths.every((width) => width === aid.dqformer.dim),
      `unet.cross_attention_dim ${widths} is not aid.dqformer.dim ${aid.dqformer.dim}`,
    ],
    [
      text.hidden_size === aid.dqformer.text_dim,
      `text_encoder.hidden_size ${text.hidden_size} is not aid.dqformer.text_dim ${aid.dqformer.text_dim}`,
    ],
    [
      vision.hidden_size === aid.dqformer.vision_dim,
      `image_encoder.hidden_size ${vision.hidden_size} is not aid.dqformer.vision_dim ${aid.dqformer.vision_dim}`,
    ],
    [
      aid.text_length <= text.max_position_embeddings,
      `aid.text_length ${aid.text_length} is more than text_encoder.max_position_embeddings ${text.max_position_embeddings}`,
    ],
    [
      tokenizer.vocabSize <= text.vocab_size,
      `the tokenizer has ${tokenizer.vocabSize} ids and the text encoder ${text.vocab_size}`,
    ],
    [
      preprocessor.imageSize === vision.image_size,
      `the preprocessor makes ${preprocessor.imageSize} pixels and the image encoder takes ${vision.image_size}`,
    ],
    [
      aid.video.width % factor === 0 && aid.video.height % factor === 0,
      `aid.video ${aid.video.width}x${aid.video.height} is not divisible by the autoencoder's factor ${factor}`,
    ],
  ];
  const problems = checks.flatMap(([agrees, problem]) => (agrees ? [] : [problem]));
  if (problems.length > 0) throw new AidError('invalid-config', `${path}: ${problems.join('; ')}`);
}
