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

/** All tensors of a model folder's networks, by `component.key`; `aid/` has its own prefixes already. */
export function allTensors(folder: string): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const name of [COMPONENTS.imageEncoder, COMPONENTS.textEncoder, COMPONENTS.unet]) {
    for (const [key, tensor] of componentOf(folder, name)?.tensors ?? [])
      tensors.set(`${name}.${key}`, tensor);
  }
  // What was trained for AID replaces the backbone's.
  for (const [key, tensor] of componentOf(folder, 'aid')?.tensors ?? []) tensors.set(key, tensor);
  return tensors;
}
