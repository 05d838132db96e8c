/** Networks of a run as components of a model folder. */
import { join } from 'node:path';
import { writeFileAtomically } from '../../atomic-file.js';
import type { ModelComponent } from '../../weights/model-component.js';
import { type StoredTensor, type TensorToWrite, writeSafetensors } from '../../weights/safetensors.js';
import type { TrainedValues } from '../recipe.js';

/** A component's tensors under the keys that a graph of several networks has. */
export function prefixed(
  component: string,
  source: ModelComponent | undefined,
): ReadonlyMap<string, StoredTensor> {
  return new Map([...(source?.tensors ?? [])].map(([key, tensor]) => [`${component}.${key}`, tensor]));
}

/**
 * Writes config.json and the tensors whose keys begin with `prefix.`, in half precision.
 * `file` is diffusers' name for UNet and autoencoder, transformers' for CLIP.
 */
export async function writeComponent(
  folder: string,
  prefix: string,
  trained: TrainedValues,
  config: unknown,
  file = 'diffusion_pytorch_model.safetensors',
): Promise<void> {
  const tensors = new Map<string, TensorToWrite>();
  for (const [key, { shape, data }] of trained) {
    if (key.startsWith(`${prefix}.`)) tensors.set(key.slice(prefix.length + 1), { shape, data, as: 'F16' });
  }
  await writeSafetensors(join(folder, file), tensors, { format: 'pt' });
  await writeJson(join(folder, 'config.json'), config);
}

export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomically(path, async (file) => {
    await file.writeFile(`${JSON.stringify(value, null, 2)}\n`);
  });
}
