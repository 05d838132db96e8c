/** A training run from its config file: prepares the data, trains, keeps checkpoint, log and model. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClipPreprocessor, readClipPreprocessor } from '../conditioning/preprocessor.js';
import { loadTokenizer, type Tokenizer } from '../conditioning/tokenizer.js';
import { readWordList } from '../conditioning/word-list.js';
import { writeWordTokenizer } from '../conditioning/word-tokenizer.js';
import { AidError } from '../errors.js';
import { takeLock } from '../lock-file.js';
import { COMPONENTS } from '../models/aid.js';
import { autoencoderConfig, spatialFactor } from '../models/autoencoder/config.js';
import type { Engine } from '../runtime/engine.js';
import { configOf, type ModelComponent } from '../weights/model-component.js';
import { type ModelFolder, openBase } from '../weights/model-folder.js';
import { partsFor } from './batch-parts.js';
import { checkCheckpoint } from './checkpoint.js';
import { describeRecordings, type SkippedEpisode } from './data/episode.js';
import { fillLatentCache, type LatentCache, type LatentCacheEvent } from './data/latent-cache.js';
import { openEpisodes } from './data/open-episodes.js';
import type { Recipe } from './recipe.js';
import { type AdaptRecipeConfig, adaptRecipe } from './recipes/adapt.js';
import { autoencoderRecipe } from './recipes/autoencoder.js';
import { type BackboneRecipeConfig, backboneRecipe, preprocessorOf } from './recipes/backbone.js';
import { writeJson } from './recipes/component-files.js';
import type { LatentData } from './recipes/denoising.js';
import { componentOf } from './recipes/networks.js';
import { fingerprintOf, type RunConfig } from './run-config.js';
import { RunLog } from './run-log.js';
import { textFit, textProblems } from './text-fit.js';
import { type TrainEvent, train } from './train.js';
import { trainedWords } from './trained-words.js';

export type RunEvent =
  | TrainEvent
  | Extract<LatentCacheEvent, { kind: 'encoded' }>
  | ({ readonly kind: 'skipped' } & SkippedEpisode);

export interface RunOptions {
  readonly engine: Engine;
  readonly abortSignal?: AbortSignal;
}

/**
 * Runs or goes on with a run. `log.jsonl` has its steps, and what was skipped or differs from before; when a run
 * goes on, the log goes on with it: steps after the checkpoint were lost and are taken out. The output folder is
 * locked meanwhile.
 * Errors: those of its parts, `io-failed` when another run has the folder, `aborted`; nothing half-written stays behind,
 * and nothing at all of a run that cannot start.
 */
export async function* run(config: RunConfig, options: RunOptions): AsyncGenerator<RunEvent> {
  const lock = await takeLock(join(config.output, '.lock'), config.output);
  try {
    yield* lockedRun(config, options);
  } finally {
    await lock.release();
  }
}

async function* lockedRun(config: RunConfig, { engine, abortSignal }: RunOptions): AsyncGenerator<RunEvent> {
  const { output } = config;
  const checkpoint = {
    path: join(output, 'checkpoint.safetensors'),
    everySteps: config.checkpointEverySteps,
    fingerprint: fingerprintOf(config),
  };
  checkCheckpoint(checkpoint.path, checkpoint.fingerprint);
  const skipped: SkippedEpisode[] = [];
  const warnings: string[] = [];
  const recipe = yield* prepare(config, {
    engine,
    skip: (episode) => skipped.push(episode),
    warn: (message) => warnings.push(message),
    ...(abortSignal === undefined ? {} : { abortSignal }),
  });
  const log = new RunLog(join(output, 'log.jsonl'));
  const events = train(recipe, {
    ...config,
    engine,
    checkpoint,
    modelFolder: join(output, 'model'),
    ...(abortSignal === undefined ? {} : { abortSignal }),
  });
  for await (const event of events) {
    if (event.kind === 'start') {
      await writeJson(join(output, 'config.json'), config);
      await log.startAfter(event.step);
    }
    for (const episode of skipped.splice(0)) {
      const told = { kind: 'skipped' as const, ...episode };
      await log.append(told);
      yield told;
    }
    for (const message of warnings.splice(0)) {
      const told = { kind: 'warning' as const, message };
      await log.append(told);
      yield told;
    }
    if (event.kind === 'step' || event.kind === 'warning') await log.append(event);
    yield event;
  }
}

interface Preparation extends RunOptions {
  readonly skip: (episode: SkippedEpisode) => void;
  readonly warn: (message: string) => void;
}

async function* prepare(
  { recipe, seed }: RunConfig,
  preparation: Preparation,
): AsyncGenerator<RunEvent, Recipe> {
  const { provider, threads } = preparation.engine.description;
  // On a GPU one large run is fastest, on cores one smaller run on each.
  const parts = provider === 'cpu' ? partsFor(recipe.clipsPerRun, threads) : 1;
  switch (recipe.recipe) {
    case 'autoencoder': {
      const set = await openEpisodes(recipe.data);
      for (const episode of set.skipped) preparation.skip(episode);
      const start = recipe.start === undefined ? undefined : openBase(recipe.start);
      return autoencoderRecipe(recipe, seed, set, preparation.skip, start, parts);
    }
    case 'backbone': {
      const base = openBase(recipe.base);
      const data = yield* latentData(recipe, base, preprocessorOf(recipe), preparation);
      return backboneRecipe(recipe, { seed, base, data, parts });
    }
    case 'adapt': {
      const base = openBase(recipe.base);
      vaeOf(base);
      const preprocessor = await readClipPreprocessor(base.folder('feature_extractor'));
      const data = yield* latentData(recipe, base, preprocessor, preparation);
      const tokenizer = await tokenizerOf(base, recipe);
      const problems = textProblems(textFit(data.instructions, tokenizer, recipe.aid.text_length));
      if (problems.length > 0) preparation.warn(problems.join('; '));
      const words = trainedWords(data.instructions, {
        states: recipe.aid.dqformer.states,
        known: await trainedWordsOf(base),
      });
      return adaptRecipe(recipe, { seed, base, data, tokenizer, words, parts });
    }
  }
}

/** The base's tokenizer, or one made of the config's words. */
export async function tokenizerOf(
  base: ModelFolder,
  { words }: { readonly words?: readonly string[] | undefined },
): Promise<Tokenizer> {
  if (words === undefined) return loadTokenizer(base.folder('tokenizer'));
  const given = base.find('tokenizer');
  if (given !== undefined) throw new AidError('invalid-config', `words: ${given} is there already`);
  const made = await mkdtemp(join(tmpdir(), 'aid-tokenizer-'));
  try {
    await writeWordTokenizer(made, words);
    return await loadTokenizer(made);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/** The words that a base was trained on, where it is adapted already. */
async function trainedWordsOf(base: ModelFolder): Promise<Iterable<string>> {
  const adapted = base.find('aid');
  return (adapted === undefined ? undefined : await readWordList(adapted)) ?? [];
}

/** Every base has one; what has not is no base. */
function vaeOf(base: ModelFolder): ModelComponent {
  const vae = componentOf(base, COMPONENTS.vae);
  if (vae !== undefined) return vae;
  throw new AidError(
    'invalid-model-folder',
    `${base.path}: expected a model folder with an autoencoder in vae/`,
  );
}

async function* latentData(
  { data, frame, numFrames }: BackboneRecipeConfig | AdaptRecipeConfig,
  base: ModelFolder,
  preprocessor: ClipPreprocessor,
  { engine, skip, abortSignal }: Preparation,
): AsyncGenerator<RunEvent, LatentData> {
  const vae = vaeOf(base);
  const config = configOf(autoencoderConfig, vae);
  const set = await openEpisodes(data);
  const options = {
    cacheFolder: join(set.folder, '.latents'),
    recordings: set.recordings,
    vae: { config, tensors: vae.tensors },
    preprocessor,
    frame,
    numFrames,
    ...(abortSignal === undefined ? {} : { abortSignal }),
  };
  const factor = spatialFactor(config);
  if (frame.width % factor !== 0 || frame.height % factor !== 0) {
    throw new AidError(
      'invalid-config',
      `frame: expected sides divisible by ${factor}, got ${frame.width}x${frame.height}`,
    );
  }
  let cache: LatentCache = { name: '', files: [], instructions: [], skipped: [] };
  for await (const event of fillLatentCache(engine, options)) {
    if (event.kind === 'end') cache = event.cache;
    else yield event;
  }
  for (const episode of [...set.skipped, ...cache.skipped]) skip(episode);
  const [skipped] = cache.skipped;
  if (cache.files.length === 0) {
    throw new AidError(
      'invalid-data',
      `${set.folder}: none of ${cache.skipped.length} episodes could be read; ${skipped?.reason}`,
    );
  }
  return {
    files: cache.files,
    instructions: cache.instructions,
    sources: { [set.noun]: describeRecordings(set), latents: cache.name },
    latentDims: [config.latent_channels, frame.height / factor, frame.width / factor],
    scalingFactor: config.scaling_factor,
  };
}
