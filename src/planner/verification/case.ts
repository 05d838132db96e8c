/**
 * One case of an independent implementation's tensors: `config.json` (its `kind` says what is checked),
 * `weights.safetensors` with the checkpoint's names, `io.safetensors` with inputs and expected outputs.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { AidError } from '../errors.js';
import { type FloatTensor, floatTensor, type Int64Tensor, int64Tensor } from '../runtime/tensor.js';
import {
  readFloats,
  readSafetensorsHeader,
  readTensorBytes,
  type StoredTensor,
} from '../weights/safetensors.js';

const caseConfig = z.looseObject({ kind: z.string(), uses: z.array(z.string()).optional() });

export interface Case {
  readonly name: string;
  readonly kind: string;
  /** The whole of config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Weights by key: its own, and those of the cases that it names in `uses`. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
  /** Configs of the cases in `uses`, by name. */
  readonly usedConfigs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  has(name: string): boolean;
  names(): string[];
  floats(name: string): FloatTensor;
  int64s(name: string): Int64Tensor;
}

export function isCaseFolder(folder: string): boolean {
  return existsSync(join(folder, 'config.json')) && existsSync(join(folder, 'io.safetensors'));
}

export function readCase(folder: string): Case {
  const config = readConfig(folder);
  const weights = new Map<string, StoredTensor>();
  const usedConfigs = new Map<string, Readonly<Record<string, unknown>>>();
  for (const used of [folder, ...(config.uses ?? []).map((name) => join(dirname(folder), name))]) {
    if (used !== folder) usedConfigs.set(basename(used), readConfig(used));
    const file = join(used, 'weights.safetensors');
    if (existsSync(file)) for (const [key, tensor] of readSafetensorsHeader(file)) weights.set(key, tensor);
  }
  const io = readSafetensorsHeader(join(folder, 'io.safetensors'));
  const stored = (name: string): StoredTensor => {
    const tensor = io.get(name);
    if (tensor === undefined)
      throw new AidError('invalid-data', `${folder}: io.safetensors has no tensor ${name}`);
    return tensor;
  };
  return {
    name: basename(folder),
    kind: config.kind,
    config,
    weights,
    usedConfigs,
    has: (name) => io.has(name),
    names: () => [...io.keys()],
    floats: (name) => floatTensor(stored(name).shape, readFloats(stored(name))),
    int64s: (name) =>
      int64Tensor(stored(name).shape, new BigInt64Array(readTensorBytes(stored(name)).buffer as ArrayBuffer)),
  };
}

function readConfig(folder: string): z.infer<typeof caseConfig> {
  const file = join(folder, 'config.json');
  try {
    return caseConfig.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new AidError(
      'invalid-config',
      `${file}: expected a JSON object with a "kind": ${(cause as Error).message}`,
      { cause },
    );
  }
}
