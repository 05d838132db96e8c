/** One pass over all weight files: their hash, and whether every number is finite. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { AidError, throwIfAborted } from '../errors.js';
import { listed } from './listed.js';
import type { StoredTensor } from './safetensors.js';

const CHUNK_BYTES = 1 << 20;

/**
 * SHA-256 over every tensor's key, type, shape and bytes, in the order of the keys: independent of how they
 * are spread over files. Gives way to other work every megabyte. Errors: `invalid-weights`, whose `details` name every
 * tensor that holds an infinite number or none at all; `aborted`.
 */
export async function inspectWeights(
  tensors: ReadonlyMap<string, StoredTensor>,
  { abortSignal }: { abortSignal?: AbortSignal | undefined } = {},
): Promise<{ readonly sha256: string }> {
  const hash = createHash('sha256');
  const chunk = new Uint8Array(new ArrayBuffer(CHUNK_BYTES));
  const broken = new Set<string>();
  for (const key of [...tensors.keys()].sort()) {
    const tensor = tensors.get(key) as StoredTensor;
    hash.update(`${key} ${tensor.type} ${tensor.shape.join(',')}\n`);
    const file = await open(tensor.file, 'r');
    try {
      for (let done = 0; done < tensor.length; ) {
        throwIfAborted(abortSignal);
        const { bytesRead } = await file.read(
          chunk,
          0,
          Math.min(CHUNK_BYTES, tensor.length - done),
          tensor.offset + done,
        );
        if (bytesRead === 0) throw new AidError('invalid-weights', `${tensor.file}: ${key} is cut short`);
        hash.update(chunk.subarray(0, bytesRead));
        if (!areFinite(tensor, chunk.buffer, bytesRead))
          broken.add(`${tensor.file}: ${key} holds a number that is not finite`);
        done += bytesRead;
      }
    } finally {
      await file.close();
    }
  }
  const details = [...broken];
  if (details.length > 0) throw new AidError('invalid-weights', listed(details), { details });
  return { sha256: hash.digest('hex') };
}

/** All exponent bits set means infinite or not a number. */
function areFinite({ type }: StoredTensor, buffer: ArrayBuffer, bytes: number): boolean {
  switch (type) {
    case 'F16':
      return hasNone(new Uint16Array(buffer, 0, bytes >> 1), 0x7c00);
    case 'BF16':
      return hasNone(new Uint16Array(buffer, 0, bytes >> 1), 0x7f80);
    case 'F32':
      return hasNone(new Uint32Array(buffer, 0, bytes >> 2), 0x7f800000);
    case 'F64':
      return new Float64Array(buffer, 0, bytes >> 3).every(Number.isFinite);
    default:
      return true;
  }
}

function hasNone(words: Uint16Array | Uint32Array, exponent: number): boolean {
  for (let i = 0; i < words.length; i++) if (((words[i] as number) & exponent) === exponent) return false;
  return true;
}
