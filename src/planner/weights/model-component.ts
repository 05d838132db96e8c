/** One network of a model folder in diffusers' layout: a config and its tensors. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AidError } from '../errors.js';
import { readSafetensorsHeader, type StoredTensor } from './safetensors.js';

export interface ModelComponent {
  readonly folder: string;
  /** config.json as it stands. */
  readonly config: unknown;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

const WEIGHT_FILES = ['diffusion_pytorch_model', 'model'].flatMap((stem) => [
  `${stem}.safetensors`,
  `${stem}.fp16.safetensors`,
]);
/** Of weights in several files. The variant's place in the name has changed with diffusers' versions. */
const INDEX_FILES = [
  ...WEIGHT_FILES.map((name) => `${name}.index.json`),
  'diffusion_pytorch_model.safetensors.index.fp16.json',
  'model.safetensors.index.fp16.json',
];
const shardIndex = z.object({ weight_map: z.record(z.string(), z.string()) });
/** Buffers that old checkpoints carry and no network asks for. */
const IGNORED = /(^|\.)position_ids$/;

/** Errors: `invalid-model-folder`, `invalid-weights`. */
export function readModelComponent(folder: string): ModelComponent {
  const tensors = new Map<string, StoredTensor>();
  for (const file of weightFiles(folder)) {
    for (const [key, tensor] of readSafetensorsHeader(file)) if (!IGNORED.test(key)) tensors.set(key, tensor);
  }
  return { folder, config: readJson(join(folder, 'config.json')), tensors };
}

/** A JSON file. Errors: `code`, by default that of a model folder's file. */
export function readJson(
  file: string,
  code: 'invalid-model-folder' | 'invalid-config' = 'invalid-model-folder',
): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what = isMissing ? 'no such file' : `expected a JSON file: ${(cause as Error).message}`;
    throw new AidError(code, `${file}: ${what}`, { cause });
  }
}

/** A component's config against its schema. Errors: `invalid-config`. */
export function configOf<Schema extends z.ZodType>(
  schema: Schema,
  { folder, config }: ModelComponent,
): z.infer<Schema> {
  return parseConfig(schema, config, join(folder, 'config.json'));
}

/** Validates a JSON value against a schema, naming every problem. Errors: `invalid-config`. */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: string,
): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`);
  throw new AidError('invalid-config', `${where}: ${problems.join('; ')}`);
}

function weightFiles(folder: string): string[] {
  const whole = WEIGHT_FILES.map((name) => join(folder, name)).find((file) => existsSync(file));
  if (whole !== undefined) return [whole];
  const index = INDEX_FILES.map((name) => join(folder, name)).find((file) => existsSync(file));
  if (index === undefined) {
    throw new AidError(
      'invalid-model-folder',
      `${folder}: expected ${WEIGHT_FILES[0]} or ${WEIGHT_FILES[2]}, or their fp16 variant or index, found none`,
    );
  }
  const { weight_map } = parseConfig(shardIndex, readJson(index), index);
  return [...new Set(Object.values(weight_map))].map((name) => join(folder, name));
}
