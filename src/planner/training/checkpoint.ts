/** Everything that a training run needs to go on where it was: written whole or not at all. */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { AidError } from '../errors.js';
import {
  readFloats,
  readSafetensorsHeader,
  readSafetensorsMetadata,
  type TensorToWrite,
  writeSafetensors,
} from '../weights/safetensors.js';
import type { TrainedTensor } from './adamw.js';

export interface TrainingState {
  /** Steps done. */
  readonly step: number;
  readonly tensors: ReadonlyMap<string, TrainedTensor>;
}

const PARTS = ['data', 'average', 'm', 'v'] as const;
const metadataSchema = z.object({ step: z.coerce.number().int().nonnegative(), fingerprint: z.string() });

/** `fingerprint` stands for the run's config: a checkpoint of another config is not gone on with. */
export async function writeCheckpoint(
  path: string,
  { step, tensors }: TrainingState,
  fingerprint: string,
): Promise<void> {
  const parts = new Map<string, TensorToWrite>();
  for (const [key, tensor] of tensors) {
    for (const part of PARTS) parts.set(`${part}/${key}`, { shape: tensor.shape, data: tensor[part] });
  }
  await writeSafetensors(path, parts, { step: String(step), fingerprint });
}

/** Undefined when there is no checkpoint yet. Errors: `invalid-weights`, `invalid-config`. */
export function readCheckpoint(path: string, fingerprint: string): TrainingState | undefined {
  if (!existsSync(path)) return undefined;
  const metadata = metadataSchema.safeParse(readSafetensorsMetadata(path));
  if (!metadata.success) throw new AidError('invalid-weights', `${path}: not a training checkpoint`);
  if (metadata.data.fingerprint !== fingerprint) {
    throw new AidError(
      'invalid-config',
      `${path}: belongs to a run with another config; choose another output folder, or delete it to start again`,
    );
  }
  const stored = readSafetensorsHeader(path);
  const tensors = new Map<string, TrainedTensor>();
  for (const name of stored.keys()) {
    if (!name.startsWith('data/')) continue;
    const key = name.slice('data/'.length);
    const part = (which: (typeof PARTS)[number]): Float32Array => {
      const tensor = stored.get(`${which}/${key}`);
      if (tensor === undefined) throw new AidError('invalid-weights', `${path}: ${which}/${key} is missing`);
      return readFloats(tensor);
    };
    const shape = stored.get(name)?.shape ?? [];
    tensors.set(key, { shape, data: part('data'), average: part('average'), m: part('m'), v: part('v') });
  }
  return { step: metadata.data.step, tensors };
}
