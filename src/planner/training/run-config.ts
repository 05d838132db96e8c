/** The config file of a training run: everything that decides what comes out. */
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { AidError } from '../errors.js';
import { parseConfig, readJson } from '../weights/model-component.js';
import { openBase } from '../weights/model-folder.js';
import { clipLength } from './data/clip-length.js';
import { absoluteData, type DataConfig, dataConfig, dataWithoutPlaces } from './data/data-config.js';
import { learningRateConfig } from './learning-rate.js';
import { adaptRecipeConfig } from './recipes/adapt.js';
import { autoencoderRecipeConfig } from './recipes/autoencoder.js';
import { backboneRecipeConfig } from './recipes/backbone.js';

export const runConfig = z.strictObject({
  /** Folder of the checkpoint, the log and the model. Relative paths start at the config file. */
  output: z.string(),
  seed: z.int().nonnegative().default(1),
  steps: z.int().positive(),
  /** Runs of the graph whose gradients make one step. */
  runsPerStep: z.int().positive().default(1),
  learningRate: learningRateConfig,
  optimizer: z
    .strictObject({
      /** `muon` updates the matrices of hidden layers with Muon and all else with AdamW. */
      name: z.enum(['adamw', 'muon']).default('adamw'),
      beta1: z.number().min(0).max(1).default(0.9),
      beta2: z.number().min(0).max(1).default(0.99),
      epsilon: z.number().positive().default(1e-8),
      weightDecay: z.number().nonnegative().default(0.01),
      /** Muon's. */
      momentum: z.number().min(0).max(1).default(0.95),
    })
    .prefault({}),
  maxGradientNorm: z.number().positive().default(1),
  averageDecay: z.number().min(0).max(1).default(0.999),
  checkpointEverySteps: z.int().positive().default(200),
  /** Threads of the engine; all cores unless said otherwise. Changes the speed, and the last bits of the losses. */
  threads: z.int().positive().optional(),
  recipe: z.discriminatedUnion('recipe', [
    autoencoderRecipeConfig.extend({ start: z.string().optional() }).strict(),
    backboneRecipeConfig.strict(),
    adaptRecipeConfig.strict(),
  ]),
});
export type RunConfig = z.infer<typeof runConfig>;

/** What a config file says about data: a training run's, or one that holds nothing but `data`'s own keys. */
export interface DataSelection {
  readonly data: DataConfig;
  readonly numFrames?: number;
  readonly frame?: { readonly width: number; readonly height: number };
  /** What reads the instructions: the run's base and its words, see `tokenizerOf`, and the tokens of a text. */
  readonly texts?: {
    readonly base: string;
    readonly words: readonly string[] | undefined;
    readonly length: number;
  };
}

/** Errors: `invalid-config`. */
export function readDataConfig(file: string): DataSelection {
  const json = readJson(file, 'invalid-config');
  if (typeof json !== 'object' || json === null || !('recipe' in json))
    return { data: absoluteData(parseConfig(dataConfig, json, file), file) };
  const { recipe } = readRunConfig(file);
  const { data, frame } = recipe;
  if (recipe.recipe === 'autoencoder') return { data, frame, numFrames: recipe.framesPerEpisode };
  const { numFrames, base } = recipe;
  if (recipe.recipe === 'backbone') return { data, frame, numFrames };
  const { words, aid } = recipe;
  // A base that is still to be trained may have a tokenizer then.
  if (words === undefined && openBase(base).find('tokenizer') === undefined)
    return { data, frame, numFrames };
  return { data, frame, numFrames, texts: { base, words, length: aid.text_length } };
}

/** Reads a config file, its paths made absolute. Errors: `invalid-config`. */
export function readRunConfig(file: string): RunConfig {
  const json = withClipLength(readJson(file, 'invalid-config'), file);
  const config = parseConfig(runConfig, json, file);
  const unknown = unknownKeys(json, config);
  if (unknown.length > 0)
    throw new AidError(
      'invalid-config',
      `${file}: ${unknown.map((key) => `${key}: unknown key`).join('; ')}`,
    );
  const absolute = (path: string): string => resolve(dirname(file), path);
  config.output = absolute(config.output);
  const { recipe } = config;
  recipe.data = absoluteData(recipe.data, file);
  if (recipe.recipe === 'autoencoder') {
    if (recipe.start !== undefined) recipe.start = absolute(recipe.start);
    return config;
  }
  recipe.base = absolute(recipe.base);
  if (recipe.latents !== undefined) recipe.latents = absolute(recipe.latents);
  return config;
}

const recipeWithData = z.looseObject({ recipe: z.looseObject({ recipe: z.string(), data: dataConfig }) });

/** With the frames of a clip where the file does not say how many: that depends on its data. */
function withClipLength(json: unknown, file: string): unknown {
  const { data: config } = recipeWithData.safeParse(json);
  if (config === undefined) return json;
  const { recipe } = config;
  const key = recipe.recipe === 'autoencoder' ? 'framesPerEpisode' : 'numFrames';
  return { ...config, recipe: { [key]: clipLength(absoluteData(recipe.data, file)), ...recipe } };
}

/**
 * Stands for what the losses depend on, as far as a config says it: a run and its data may be moved, but the run not
 * changed half-way. What lies at the paths is described by `Recipe.sources`.
 */
export function fingerprintOf({
  output: _output,
  checkpointEverySteps: _every,
  threads: _threads,
  recipe,
  ...rest
}: RunConfig): string {
  const {
    base: _base,
    start: _start,
    latents: _latents,
    frozenParts: _parts,
    ...decisiveRecipe
  }: Readonly<Record<string, unknown>> = { ...recipe, data: dataWithoutPlaces(recipe.data) };
  const decisive = { ...rest, recipe: decisiveRecipe };
  return createHash('sha256').update(JSON.stringify(decisive)).digest('hex').slice(0, 16);
}

/** Paths of what a JSON value has and its parsed form has not: networks' schemas let pass what they do not need. */
function unknownKeys(json: unknown, parsed: unknown, path = ''): string[] {
  if (typeof json !== 'object' || json === null || typeof parsed !== 'object' || parsed === null) return [];
  return Object.entries(json).flatMap(([key, value]) => {
    const where = path === '' ? key : `${path}.${key}`;
    return key in parsed ? unknownKeys(value, (parsed as Record<string, unknown>)[key], where) : [where];
  });
}
