/** The networks of a base as a recipe needs them: tensors under component prefixes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { COMPONENTS } from '../../models/aid.js';
import { type ModelComponent, readModelComponent } from '../../weights/model-component.js';
import type { ComponentName, ModelFolder } from '../../weights/model-folder.js';
import type { StoredTensor } from '../../weights/safetensors.js';

/** A component of a base, undefined when it has none. */
export function componentOf(base: ModelFolder, name: ComponentName): ModelComponent | undefined {
  const path = base.find(name);
  return path !== undefined && existsSync(join(path, 'config.json')) ? readModelComponent(path) : undefined;
}

/** The tensors of a base's networks without what was trained for AID, by `component.key`. */
export function backboneTensors(base: ModelFolder): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const name of [COMPONENTS.imageEncoder, COMPONENTS.textEncoder, COMPONENTS.unet]) {
    for (const [key, tensor] of componentOf(base, name)?.tensors ?? []) tensors.set(`${name}.${key}`, tensor);
  }
  return tensors;
}

/** All of them: `aid/`, which has its own prefixes already, replaces the backbone's. */
export function allTensors(base: ModelFolder): Map<string, StoredTensor> {
  return new Map([...backboneTensors(base), ...(componentOf(base, 'aid')?.tensors ?? [])]);
}
