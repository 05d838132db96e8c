/**
 * A model folder: diffusers' layout of SVD (`unet/ vae/ image_encoder/ feature_extractor/`), CLIP's text side
 * (`text_encoder/ tokenizer/`), and `aid/` with what AID adds. `model_index.json` may name another folder as
 * `aid.base`, where whatever is not here is looked for: a downloaded SVD stays where it is.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { AidError } from '../errors.js';
import { type ModelComponent, parseConfig, readJson, readModelComponent } from './model-component.js';

export const COMPONENT_NAMES = ['unet', 'vae', 'image_encoder', 'text_encoder', 'aid'] as const;
export type ComponentName = (typeof COMPONENT_NAMES)[number];

const modelIndex = z.looseObject({ aid: z.looseObject({ base: z.string().optional() }).default({}) });

export interface ModelFolder {
  readonly path: string;
  /** Errors: `invalid-model-folder` when it is in neither folder. */
  component(name: ComponentName): ModelComponent;
  /** Path of a folder without weights, such as `tokenizer`. Errors: `invalid-model-folder`. */
  folder(name: string): string;
}

/** Opens a model folder; reads no weights yet. Errors: `invalid-model-folder`, `invalid-config`. */
export function openModelFolder(path: string): ModelFolder {
  const index = join(path, 'model_index.json');
  if (!existsSync(index)) {
    throw new AidError(
      'invalid-model-folder',
      `${path}: expected a model folder with model_index.json in it`,
    );
  }
  const { aid } = parseConfig(modelIndex, readJson(index), index);
  const places = aid.base === undefined ? [path] : [path, resolve(path, aid.base)];
  const folder = (name: string): string => {
    const found = places.map((place) => join(place, name)).find((place) => existsSync(place));
    if (found === undefined)
      throw new AidError('invalid-model-folder', `${places.join(' and ')}: no ${name}/ in it`);
    return found;
  };
  return { path, folder, component: (name) => readModelComponent(folder(name)) };
}
