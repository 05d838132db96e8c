/**
 * One case of an independent implementation's tensors: `config.json` (its `kind` says what is checked),
 * `weights.safetensors` with the checkpoint's names, `io.safetensors` with inputs and expected outputs.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { AidError } from '../errors.js';
import { type FloatTensor, floatTensor, type Int64Tensor, int64Tensor } from '../runtime/tensor.js';
import { parseConfig, readJson } from '../weights/model-component.js';
import {
  readFloats,
  readSafetensorsHeader,
  readTensorBytes,
  type StoredTensor,
} from '../weights/safetensors.js';

const CONFIG = 'config.json';
const WEIGHTS = 'weights.safetensors';
const IO = 'io.safetensors';
const caseConfig = z.looseObject({ kind: z.string(), uses: z.array(z.string()).optional() });

export interface Case {
  readonly name: string;
  readonly kind: string;
  /** The whole of config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: ReadonlyMap<string, StoredTensor>;
  /** The case of that kind among those in `uses`, whose weights this case runs on. Errors: `invalid-config`. */
  used(kind: string): Case;
  /** Names of the tensors in io.safetensors. */
  names(): string[];
  /** Errors of both: `invalid-data` when there is no such tensor, `invalid-weights` when it is of another type. */
  floats(name: string): FloatTensor;
  int64s(name: string): Int64Tensor;
}

/** The folder itself where it is a case, else those of its folders that are. Errors: `io-failed`. */
export function findCases(folder: string): string[] {
  const root = resolve(folder);
  if (isCaseFolder(root)) return [root];
  try {
    return readdirSync(root)
      .sort()
      .map((name) => join(root, name))
      .filter(isCaseFolder);
  } catch (cause) {
    throw new AidError('io-failed', `${folder}: could not be read: ${(cause as Error).message}`, { cause });
  }
}

/** A folder with one of the two files is meant to be a case; that the other is missing is an error. */
function isCaseFolder(folder: string): boolean {
  return existsSync(join(folder, CONFIG)) || existsSync(join(folder, IO));
}

/** Errors: `invalid-config`, `invalid-model-folder`, `invalid-weights`, `io-failed`. */
export function readCase(folder: string): Case {
  const file = join(folder, CONFIG);
  const config = parseConfig(caseConfig, readJson(file), file);
  const weightFile = join(folder, WEIGHTS);
  const io = readSafetensorsHeader(join(folder, IO));
  const stored = (name: string): StoredTensor => {
    const tensor = io.get(name);
    if (tensor === undefined) throw new AidError('invalid-data', `${join(folder, IO)}: ${name} is missing`);
    return tensor;
  };
  const uses = new Map<string, Case>();
  return {
    name: basename(folder),
    kind: config.kind,
    config,
    weights: existsSync(weightFile) ? readSafetensorsHeader(weightFile) : new Map(),
    used: (kind) => {
      if (uses.size === 0) {
        for (const name of config.uses ?? []) {
          const used = readCase(join(dirname(folder), name));
          uses.set(used.kind, used);
        }
      }
      const used = uses.get(kind);
      if (used === undefined) throw new AidError('invalid-config', `${file}: uses: expected a ${kind} case`);
      return used;
    },
    names: () => [...io.keys()],
    floats: (name) => floatTensor(stored(name).shape, readFloats(stored(name))),
    int64s: (name) => int64Tensor(stored(name).shape, readIntegers(stored(name))),
  };
}

function readIntegers(tensor: StoredTensor): BigInt64Array {
  if (tensor.type !== 'I64')
    throw new AidError(
      'invalid-weights',
      `${tensor.file}: ${tensor.key}: expected I64 numbers, got ${tensor.type}`,
    );
  return new BigInt64Array(readTensorBytes(tensor).buffer as ArrayBuffer);
}
