/** A training run from its config file: prepares the data, trains, keeps checkpoint, log and model. */

import { existsSync } from 'node:fs';
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ClipPreprocessor, readClipPreprocessor } from '../conditioning/preprocessor.js';
import { loadTokenizer, type Tokenizer } from '../conditioning/tokenizer.js';
import { writeWordTokenizer } from '../conditioning/word-tokenizer.js';
import { AidError } from '../errors.js';
import { COMPONENTS } from '../models/aid.js';
import { autoencoderConfig, spatialFactor } from '../models/autoencoder/config.js';
import type { Engine } from '../runtime/engine.js';
import { bagsIn } from './data/bag-folder.js';
import { fillLatentCache, type LatentCache, type LatentCacheEvent } from './data/latent-cache.js';
import type { Recipe } from './recipe.js';
import { type AdaptRecipeConfig, adaptRecipe } from './recipes/adapt.js';
import { autoencoderRecipe } from './recipes/autoencoder.js';
import { type BackboneRecipeConfig, backboneRecipe, preprocessorOf } from './recipes/backbone.js';
import { writeJson } from './recipes/component-files.js';
import type { LatentData } from './recipes/denoising.js';
import { componentOf, configOf } from './recipes/networks.js';
import { fingerprintOf, type RunConfig } from './run-config.js';
import { type TrainEvent, train } from './train.js';

export type RunEvent =
  | TrainEvent
  | Extract<LatentCacheEvent, { kind: 'encoded' }>
  | { readonly kind: 'skipped'; readonly name: string; readonly reason: string };

export interface RunOptions {
  readonly engine: Engine;
  readonly abortSignal?: AbortSignal;
}

/** Runs or goes on with a run. Errors: those of its parts; nothing half-written stays behind. */
export async function* run(config: RunConfig, { engine, abortSignal }: RunOptions): AsyncGenerator<RunEvent> {
  const { output } = config;
  await mkdir(output, { recursive: true });
  await writeJson(join(output, 'config.json'), config);
  const recipe = yield* prepare(config, engine);
  const events = train(recipe, {
    ...config,
    engine,
    checkpoint: {
      path: join(output, 'checkpoint.safetensors'),
      everySteps: config.checkpointEverySteps,
      fingerprint: fingerprintOf(config),
    },
    ...(abortSignal === undefined ? {} : { abortSignal }),
  });
  const log = join(output, 'log.jsonl');
  for await (const event of events) {
    if (event.kind === 'checkpoint') await recipe.save(join(output, 'model'), event.averages, event.measures);
    if (event.kind === 'step') await appendFile(log, `${JSON.stringify(event)}\n`);
    yield event;
  }
}

async function* prepare(
  { recipe, seed, output }: RunConfig,
  engine: Engine,
): AsyncGenerator<RunEvent, Recipe> {
  switch (recipe.recipe) {
    case 'autoencoder': {
      const start = recipe.start === undefined ? undefined : componentOf(recipe.start, COMPONENTS.vae);
      return autoencoderRecipe(recipe, seed, start);
    }
    case 'backbone':
      return backboneRecipe(recipe, seed, yield* latentData(recipe, preprocessorOf(recipe), engine));
    case 'adapt': {
      const preprocessor = await readClipPreprocessor(join(recipe.base, 'feature_extractor'));
      const data = yield* latentData(recipe, preprocessor, engine);
      return adaptRecipe(recipe, seed, data, await tokenizerOf(recipe, output));
    }
  }
}

/** The base's tokenizer, or one made of the config's words. */
async function tokenizerOf({ base, words }: AdaptRecipeConfig, output: string): Promise<Tokenizer> {
  const given = join(base, 'tokenizer');
  if (words === undefined) return loadTokenizer(given);
  if (existsSync(given)) throw new AidError('invalid-config', `words: ${given} is there already`);
  const made = join(output, 'model', 'tokenizer');
  await writeWordTokenizer(made, words);
  return loadTokenizer(made);
}

async function* latentData(
  { base, data, frame, numFrames }: BackboneRecipeConfig | AdaptRecipeConfig,
  preprocessor: ClipPreprocessor,
  engine: Engine,
): AsyncGenerator<RunEvent, LatentData> {
  const vae = componentOf(base, COMPONENTS.vae);
  if (vae === undefined)
    throw new AidError('invalid-model-folder', `${base}: expected an autoencoder in vae/`);
  const config = configOf(autoencoderConfig, vae);
  const options = {
    cacheFolder: join(data.bags, '.latents'),
    bags: bagsIn(data.bags),
    vae: { config, tensors: vae.tensors },
    preprocessor,
    frame,
    numFrames,
  };
  let cache: LatentCache = { files: [], skipped: [] };
  for await (const event of fillLatentCache(engine, options)) {
    if (event.kind === 'end') cache = event.cache;
    else yield event;
  }
  for (const { name, reason } of cache.skipped) yield { kind: 'skipped', name, reason };
  if (cache.files.length === 0) throw new AidError('invalid-data', `${data.bags}: no episode could be read`);
  const factor = spatialFactor(config);
  return {
    files: cache.files,
    latentDims: [config.latent_channels, frame.height / factor, frame.width / factor],
    scalingFactor: config.scaling_factor,
  };
}
