/**
 * A model folder: diffusers' layout of SVD (`unet/ vae/ image_encoder/ feature_extractor/`), CLIP's text side
 * (`text_encoder/ tokenizer/`), and `aid/` with what AID adds. `model_index.json` may name another folder as
 * `aid.base`, where whatever is not here is looked for: a downloaded SVD stays where it is.
 */
import { existsSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { AidError } from '../errors.js';
import { type ModelComponent, parseConfig, readJson, readModelComponent } from './model-component.js';

export const COMPONENT_NAMES = ['unet', 'vae', 'image_encoder', 'text_encoder', 'aid'] as const;
export type ComponentName = (typeof COMPONENT_NAMES)[number];
/** Every folder that may be in a model folder. */
export const PART_NAMES = [...COMPONENT_NAMES, 'tokenizer', 'feature_extractor', 'scheduler'] as const;
export type PartName = (typeof PART_NAMES)[number];

const modelIndex = z.looseObject({ aid: z.looseObject({ base: z.string().optional() }).default({}) });
export type ModelIndex = z.infer<typeof modelIndex>;

export interface ModelFolder {
  readonly path: string;
  /** `model_index.json`, where there is one. */
  readonly index: ModelIndex | undefined;
  /** Path of a part's folder, undefined when neither this folder nor its base has it. */
  find(name: string): string | undefined;
  /** Errors: `invalid-model-folder` when it is in neither folder. */
  component(name: ComponentName): ModelComponent;
  /** Path of a folder without weights, such as `tokenizer`. Errors: `invalid-model-folder`. */
  folder(name: string): string;
}

/** Opens a model folder; reads no weights yet. Errors: `invalid-model-folder`, `invalid-config`. */
export function openModelFolder(path: string): ModelFolder {
  if (!existsSync(indexOf(path))) {
    throw new AidError(
      'invalid-model-folder',
      `${path}: expected a model folder with model_index.json in it`,
    );
  }
  return openBase(path);
}

/**
 * Opens what a training run starts from, which need not be whole or have a `model_index.json`: an autoencoder alone is
 * enough for a backbone. Errors: `invalid-model-folder`, `invalid-config`.
 */
export function openBase(path: string): ModelFolder {
  const places = placesOf(path);
  const find = (name: string): string | undefined =>
    places.map((place) => join(place, name)).find((place) => existsSync(place));
  const folder = (name: string): string => {
    const found = find(name);
    if (found === undefined)
      throw new AidError('invalid-model-folder', `${places.join(' and ')}: no ${name}/ in it`);
    return found;
  };
  return {
    path,
    index: readIndex(path),
    find,
    folder,
    component: (name) => readModelComponent(folder(name)),
  };
}

/**
 * The folder, its base, that one's base, and so on. Links are followed here and not again: a run that trains on
 * makes its link point to another folder, and what was opened before stays of one step.
 */
function placesOf(path: string): string[] {
  const places: string[] = [];
  let next: string | undefined = path;
  while (next !== undefined) {
    const place: string = existsSync(next) ? realpathSync(next) : next;
    if (places.includes(place))
      throw new AidError('invalid-model-folder', `${path}: aid.base leads back to ${place}`);
    places.push(place);
    const base: string | undefined = readIndex(place)?.aid.base;
    next = base === undefined ? undefined : resolve(place, base);
  }
  return places;
}

const indexOf = (path: string): string => join(path, 'model_index.json');

function readIndex(path: string): ModelIndex | undefined {
  const file = indexOf(path);
  return existsSync(file) ? parseConfig(modelIndex, readJson(file), file) : undefined;
}
