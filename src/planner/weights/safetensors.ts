/** The safetensors format: a JSON header with names, types, shapes and byte ranges, then the numbers. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { z } from 'zod';
import { writeFileAtomically } from '../atomic-file.js';
import { AidError } from '../errors.js';
import { float16ToFloat32, float32ToFloat16 } from './float16.js';

export type StoredType = 'F16' | 'F32' | 'F64' | 'I64' | 'BF16' | 'I32' | 'U8' | 'BOOL';
const BYTES: Readonly<Record<StoredType, number>> = {
  F16: 2,
  BF16: 2,
  F32: 4,
  I32: 4,
  F64: 8,
  I64: 8,
  U8: 1,
  BOOL: 1,
};

/** Whether a network can have weights of that type. */
export const isFloatType = (type: StoredType): boolean => ['F16', 'BF16', 'F32', 'F64'].includes(type);

/** Where one tensor lies in its file. */
export interface StoredTensor {
  readonly key: string;
  readonly file: string;
  readonly type: StoredType;
  readonly shape: readonly number[];
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

const MAX_HEADER_BYTES = 100_000_000;
const headerSchema = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.int().nonnegative()),
    data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
  }),
);

const metadataSchema = z.record(z.string(), z.string());

function failing(file: string): (what: string) => never {
  return (what) => {
    throw new AidError('invalid-weights', `${file}: not a whole safetensors file: ${what}`);
  };
}

/** What a file's header says, not looked into yet. */
interface Header {
  readonly file: string;
  readonly tensors: Readonly<Record<string, unknown>>;
  readonly metadata: unknown;
  /** Bytes before the tensors. */
  readonly start: number;
  /** Bytes of the file. */
  readonly size: number;
}

/** The tensors of a file, by key; reads the header only. Errors: `invalid-weights`, `io-failed`. */
export function readSafetensorsHeader(file: string): Map<string, StoredTensor> {
  return tensorsOf(readHeader(file));
}

/** And the strings that its writer left in the header. Errors: the same. */
export function readSafetensors(file: string): {
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
} {
  const header = readHeader(file);
  return { tensors: tensorsOf(header), metadata: metadataOf(header) };
}

function readHeader(file: string): Header {
  const fail: (what: string) => never = failing(file);
  const { text, start, size } = readHeaderText(file, fail);
  const { __metadata__: metadata, ...tensors } = parseHeader(text, fail);
  return { file, tensors, metadata, start, size };
}

function metadataOf({ file, metadata }: Header): Readonly<Record<string, string>> {
  const strings = metadataSchema.safeParse(metadata ?? {});
  return strings.success ? strings.data : failing(file)('its metadata are not strings');
}

function tensorsOf({ file, tensors: json, start, size }: Header): Map<string, StoredTensor> {
  const fail: (what: string) => never = failing(file);
  const header = headerSchema.safeParse(json);
  if (!header.success)
    return fail(`its header is malformed at ${header.error.issues[0]?.path.join('.') ?? '?'}`);

  const tensors = new Map<string, StoredTensor>();
  for (const [key, { dtype, shape, data_offsets }] of Object.entries(header.data)) {
    if (!Object.hasOwn(BYTES, dtype)) fail(`${key} has the unknown type ${dtype}`);
    const type = dtype as StoredType;
    const [begin, end] = data_offsets;
    const expected = shape.reduce((a, b) => a * b, BYTES[type]);
    if (end - begin !== expected)
      fail(`${key} [${shape.join(',')}] ${type} needs ${expected} bytes and has ${end - begin}`);
    if (start + end > size) fail(`${key} ends at byte ${start + end} and the file at ${size}`);
    tensors.set(key, { key, file, type, shape, offset: start + begin, length: end - begin });
  }
  return tensors;
}

function parseHeader(text: string, fail: (what: string) => never): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch {
    return fail('its header is not a JSON object');
  }
}

function readHeaderText(
  file: string,
  fail: (what: string) => never,
): { text: string; start: number; size: number } {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    throw new AidError('io-failed', `${file}: could not be opened: ${(cause as Error).message}`, { cause });
  }
  try {
    const file = fstatSync(descriptor);
    if (!file.isFile()) fail(`it is ${file.isDirectory() ? 'a folder' : 'no file'}`);
    const { size } = file;
    const prefix = Buffer.alloc(8);
    if (readSync(descriptor, prefix, 0, 8, 0) < 8) fail(`it has ${size} bytes`);
    const length = Number(prefix.readBigUInt64LE());
    if (length > MAX_HEADER_BYTES || 8 + length > size)
      fail(`its header of ${length} bytes does not fit its ${size} bytes`);
    const header = Buffer.alloc(length);
    readSync(descriptor, header, 0, length, 8);
    return { text: header.toString('utf8'), start: 8 + length, size };
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes of one tensor. */
export function readTensorBytes({ file, key, offset, length }: StoredTensor): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(length));
  const descriptor = openSync(file, 'r');
  try {
    let done = 0;
    while (done < length) {
      const read = readSync(descriptor, bytes, done, Math.min(length - done, 1 << 30), offset + done);
      if (read === 0) throw new AidError('invalid-weights', `${file}: ${key} is cut short`);
      done += read;
    }
  } finally {
    closeSync(descriptor);
  }
  return bytes;
}

/** The numbers of one floating-point tensor. */
export function readFloats(tensor: StoredTensor): Float32Array {
  const { buffer } = readTensorBytes(tensor);
  switch (tensor.type) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return Float32Array.from(new Float64Array(buffer));
    case 'F16':
      return float16ToFloat32(new Uint16Array(buffer));
    case 'BF16': {
      const words = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
      return new Float32Array(words.buffer);
    }
    default:
      throw new AidError(
        'invalid-weights',
        `${tensor.file}: ${tensor.key}: expected floating-point numbers, got ${tensor.type}`,
      );
  }
}

/** A tensor to be written; floats may be stored in half precision. */
export interface TensorToWrite {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
  /** How floats are stored; F32 unless said otherwise. */
  readonly as?: 'F16' | 'F32';
}

/** Writes a file atomically. `metadata` goes into the header, as strings. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const [key, { shape, data, as = 'F32' }] of tensors) {
    const dtype = data instanceof BigInt64Array ? 'I64' : as;
    const end = offset + data.length * BYTES[dtype];
    header[key] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = JSON.stringify(header);
  // The numbers start at a multiple of 8 bytes.
  const text = Buffer.from(
    json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8 - Buffer.byteLength(json) + json.length),
  );
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  await writeFileAtomically(path, async (file) => {
    await file.writeFile(prefix);
    await file.writeFile(text);
    for (const { data, as = 'F32' } of tensors.values()) {
      const stored = as === 'F16' && data instanceof Float32Array ? float32ToFloat16(data) : data;
      await file.writeFile(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    }
  });
}
