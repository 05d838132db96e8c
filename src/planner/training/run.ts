/** A training run from its config file: prepares the data, trains, keeps checkpoint, log and model. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, parse } from 'node:path';
import { type ClipPreprocessor, readClipPreprocessor } from '../conditioning/preprocessor.js';
import { loadTokenizer, type Tokenizer } from '../conditioning/tokenizer.js';
import { readWordList } from '../conditioning/word-list.js';
import { writeWordTokenizer } from '../conditioning/word-tokenizer.js';
import { AidError } from '../errors.js';
import { takeLock } from '../lock-file.js';
import type { Engine } from '../runtime/engine.js';
import { type ModelFolder, openBase } from '../weights/model-folder.js';
import { partsFor } from './batch-parts.js';
import { checkCheckpoint } from './checkpoint.js';
import { describeRecordings, type SkippedEpisode } from './data/episode.js';
import { idOf } from './data/files.js';
import { fillLatentCache, type LatentCache, type LatentCacheEvent } from './data/latent-cache.js';
import { openEpisodes } from './data/open-episodes.js';
import type { Recipe } from './recipe.js';
import { type AdaptRecipeConfig, adaptRecipe } from './recipes/adapt.js';
import { autoencoderRecipe } from './recipes/autoencoder.js';
import { type BackboneRecipeConfig, backboneRecipe, preprocessorOf } from './recipes/backbone.js';
import { type BaseAutoencoder, baseAutoencoder } from './recipes/base-autoencoder.js';
import { describeBase } from './recipes/base-source.js';
import { writeJson } from './recipes/component-files.js';
import type { LatentData } from './recipes/denoising.js';
import { fingerprintOf, type RunConfig } from './run-config.js';
import { RunLog } from './run-log.js';
import { checkModelFolder } from './saved-model.js';
import { checkStart } from './start.js';
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
  const modelFolder = join(output, 'model');
  checkModelFolder(modelFolder);
  const checkpoint = {
    path: join(output, 'checkpoint.safetensors'),
    everySteps: config.checkpointEverySteps,
    fingerprint: fingerprintOf(config),
  };
  const shapes = checkCheckpoint(checkpoint.path, checkpoint.fingerprint);
  const restored = shapes === undefined ? undefined : { path: checkpoint.path, shapes };
  const skipped: SkippedEpisode[] = [];
  const warnings: string[] = [];
  const recipe = yield* prepare(config, {
    engine,
    skip: (episode) => skipped.push(episode),
    warn: (message) => warnings.push(message),
    check: (network) => checkStart(network, restored),
    ...(abortSignal === undefined ? {} : { abortSignal }),
  });
  const log = new RunLog(join(output, 'log.jsonl'));
  const events = train(recipe, {
    ...config,
    engine,
    checkpoint,
    modelFolder,
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
  /** See `checkStart`. */
  readonly check: (network: Pick<Recipe, 'training' | 'weights'>) => ReturnType<typeof checkStart>;
}

/** Checks all that can be before clips are encoded. */
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
      const made = autoencoderRecipe(recipe, seed, set, preparation.skip, start, parts);
      return withSources(made, await preparation.check(made));
    }
    case 'backbone': {
      const base = openBase(recipe.base);
      const vae = await baseAutoencoder(base, recipe.frame);
      const made = backboneRecipe(recipe, { seed, base, vae, parts });
      const start = { ...(await preparation.check(made)), base: baseSource(base, vae) };
      const data = yield* latentData(recipe, vae, preprocessorOf(recipe), preparation);
      return withSources(made.withData(data), start);
    }
    case 'adapt': {
      const base = openBase(recipe.base);
      const vae = await baseAutoencoder(base, recipe.frame);
      const preprocessor = await readClipPreprocessor(base.folder('feature_extractor'));
      const tokenizer = await tokenizerOf(base, recipe);
      const known = recipe.fresh === true ? [] : await trainedWordsOf(base);
      const made = adaptRecipe(recipe, { seed, base, vae, tokenizer, parts });
      const start = { ...(await preparation.check(made)), base: baseSource(base, vae) };
      const data = yield* latentData(recipe, vae, preprocessor, preparation);
      const { instructions } = data;
      const problems = textProblems(textFit(instructions, tokenizer, recipe.aid.text_length));
      if (problems.length > 0) preparation.warn(problems.join('; '));
      const words = trainedWords(instructions, { states: recipe.aid.dqformer.states, known });
      const texts = { instructions: hashOf(instructions.join('\n')) };
      return withSources(made.withData({ ...data, words }), { ...start, ...texts });
    }
  }
}

const withSources = (recipe: Recipe, more: Recipe['sources']): Recipe => ({
  ...recipe,
  sources: { ...recipe.sources, ...more },
});

/** The autoencoder is in every model that is saved, and its encoder alone in the latents. */
const baseSource = (base: ModelFolder, { sha256 }: BaseAutoencoder): string =>
  hashOf(describeBase(base) + sha256);

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

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

async function* latentData(
  { data, latents, frame, numFrames }: BackboneRecipeConfig | AdaptRecipeConfig,
  vae: BaseAutoencoder,
  preprocessor: ClipPreprocessor,
  { engine, skip, abortSignal }: Preparation,
): AsyncGenerator<RunEvent, LatentData> {
  const set = await openEpisodes(data);
  const options = {
    // Elsewhere, each data set has a folder of its own: recordings of two may have one name.
    cacheFolder:
      latents === undefined
        ? join(set.folder, '.latents')
        : join(latents, idOf(parse(set.folder).root, set.folder)),
    recordings: set.recordings,
    vae,
    preprocessor,
    frame,
    numFrames,
    ...(abortSignal === undefined ? {} : { abortSignal }),
  };
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
  };
}
