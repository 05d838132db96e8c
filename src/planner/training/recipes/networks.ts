/** The networks of a model folder as a recipe needs them: parsed configs and tensors under component prefixes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { COMPONENTS } from '../../models/aid.js';
import { type ModelComponent, parseConfig, readModelComponent } from '../../weights/model-component.js';
import type { StoredTensor } from '../../weights/safetensors.js';

/** A component of a model folder, undefined when the folder has none. */
export function componentOf(folder: string, name: string): ModelComponent | undefined {
  const path = join(folder, name);
  return existsSync(join(path, 'config.json')) ? readModelComponent(path) : undefined;
}

/** A component's config against its schema. */
export function configOf<Schema extends z.ZodType>(
  schema: Schema,
  { folder, config }: ModelComponent,
): z.infer<Schema> {
  return parseConfig(schema, config, join(folder, 'config.json'));
}

/** The tensors of a model folder's networks without what was trained for AID, by `component.key`. */
export function backboneTensors(folder: string): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const name of [COMPONENTS.imageEncoder, COMPONENTS.textEncoder, COMPONENTS.unet]) {
    for (const [key, tensor] of componentOf(folder, name)?.tensors ?? [])
      tensors.set(`${name}.${key}`, tensor);
  }
  return tensors;
}

/** All of them: `aid/`, which has its own prefixes already, replaces the backbone's. */
export function allTensors(folder: string): Map<string, StoredTensor> {
  return new Map([...backboneTensors(folder), ...(componentOf(folder, 'aid')?.tensors ?? [])]);
}
