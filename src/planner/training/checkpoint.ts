/** Everything that a training run needs to go on where it was: written whole or not at all. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { AidError } from '../errors.js';
import {
  readFloats,
  readSafetensors,
  type StoredTensor,
  type TensorToWrite,
  writeSafetensors,
} from '../weights/safetensors.js';
import type { TrainedTensor } from './adamw.js';
import { type LossHistory, lossHistory, NO_LOSSES } from './loss-watch.js';
import { type MovingMeasures, movingMeasures, NO_MEASURES } from './measures.js';

export interface TrainingState {
  /** Steps done. */
  readonly step: number;
  readonly tensors: ReadonlyMap<string, TrainedTensor>;
  /** The recipe's. */
  readonly measures: MovingMeasures;
  readonly losses: LossHistory;
  /** What the run read besides its config, by name: see `Recipe.sources`. */
  readonly sources: Readonly<Record<string, string>>;
}

const PARTS = ['data', 'average', 'm', 'v'] as const;
const json = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue('expected JSON');
        return z.NEVER;
      }
    })
    .pipe(schema);
const metadataSchema = z.object({
  step: z.coerce.number().int().nonnegative(),
  fingerprint: z.string(),
  measures: json(movingMeasures).default(NO_MEASURES),
  losses: json(lossHistory).default(NO_LOSSES),
  sources: json(z.record(z.string(), z.string())).default({}),
});

/** `fingerprint` stands for the run's config: a checkpoint of another config is not gone on with. */
export async function writeCheckpoint(
  path: string,
  { step, tensors, measures, losses, sources }: TrainingState,
  fingerprint: string,
): Promise<void> {
  const parts = new Map<string, TensorToWrite>();
  for (const [key, tensor] of tensors) {
    for (const part of PARTS) parts.set(`${part}/${key}`, { shape: tensor.shape, data: tensor[part] });
  }
  await writeSafetensors(path, parts, {
    step: String(step),
    fingerprint,
    measures: JSON.stringify(measures),
    losses: JSON.stringify(losses),
    sources: JSON.stringify(sources),
  });
}

/** Undefined when there is no checkpoint yet. Errors: `invalid-weights`, `invalid-config`. */
export function readCheckpoint(path: string, fingerprint: string): TrainingState | undefined {
  const opened = openCheckpoint(path, fingerprint);
  if (opened === undefined) return undefined;
  const { stored, step, measures, losses, sources } = opened;
  const tensors = new Map<string, TrainedTensor>();
  for (const name of stored.keys()) {
    const key = trainedKeyOf(name);
    if (key === undefined) continue;
    const part = (which: (typeof PARTS)[number]): Float32Array => {
      const tensor = stored.get(`${which}/${key}`);
      if (tensor === undefined) throw new AidError('invalid-weights', `${path}: ${which}/${key} is missing`);
      return readFloats(tensor);
    };
    const shape = stored.get(name)?.shape ?? [];
    tensors.set(key, { shape, data: part('data'), average: part('average'), m: part('m'), v: part('v') });
  }
  return { step, tensors, measures, losses, sources };
}

/**
 * Refuses a checkpoint that a run could not go on with, before anything takes long, and removes what an
 * interrupted run left half-written beside it. Returns the shapes of its trained tensors, undefined when there is none
 * yet. Errors: `invalid-weights`, `invalid-config`.
 */
export function checkCheckpoint(
  path: string,
  fingerprint: string,
): ReadonlyMap<string, readonly number[]> | undefined {
  const opened = openCheckpoint(path, fingerprint);
  const folder = dirname(path);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (name.startsWith(`${basename(path)}.`) && name.endsWith('.part'))
      rmSync(join(folder, name), { force: true });
  }
  if (opened === undefined) return undefined;
  return new Map(
    [...opened.stored].flatMap(([name, { shape }]) => {
      const key = trainedKeyOf(name);
      return key === undefined ? [] : [[key, shape] as const];
    }),
  );
}

/** The key of the trained tensor whose values a checkpoint keeps under this name. */
const trainedKeyOf = (name: string): string | undefined =>
  name.startsWith('data/') ? name.slice('data/'.length) : undefined;

function openCheckpoint(
  path: string,
  fingerprint: string,
): (z.infer<typeof metadataSchema> & { readonly stored: ReadonlyMap<string, StoredTensor> }) | undefined {
  if (!existsSync(path)) return undefined;
  const { tensors: stored, metadata: strings } = readSafetensors(path);
  const metadata = metadataSchema.safeParse(strings);
  if (!metadata.success) throw new AidError('invalid-weights', `${path}: not a training checkpoint`);
  if (metadata.data.fingerprint !== fingerprint) {
    throw new AidError(
      'invalid-config',
      `${path}: belongs to a run with another config; choose another output folder, or delete it to start again`,
    );
  }
  return { ...metadata.data, stored };
}
