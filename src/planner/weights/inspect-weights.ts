/** One pass over all weight files: their hash, and whether every number is finite. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { AidError, throwIfAborted } from '../errors.js';
import type { StoredTensor } from './safetensors.js';

const CHUNK_BYTES = 1 << 20;

/**
 * SHA-256 over every tensor's key, type, shape and bytes, in the order of the keys: independent of how they
 * are spread over files. Gives way to other work every megabyte. Errors: `invalid-weights` naming the first
 * tensor that holds an infinite number or none at all; `aborted`.
 */
export async function inspectWeights(
  tensors: ReadonlyMap<string, StoredTensor>,
  { abortSignal }: { abortSignal?: AbortSignal | undefined } = {},
): Promise<{ readonly sha256: string }> {
  const hash = createHash('sha256');
  const chunk = new Uint8Array(new ArrayBuffer(CHUNK_BYTES));
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
        checkFinite(tensor, chunk.buffer, bytesRead);
        done += bytesRead;
      }
    } finally {
      await file.close();
    }
  }
  return { sha256: hash.digest('hex') };
}

/** All exponent bits set means infinite or not a number. */
function checkFinite({ file, key, type }: StoredTensor, buffer: ArrayBuffer, bytes: number): void {
  const broken = (): never => {
    throw new AidError('invalid-weights', `${file}: ${key} holds a number that is not finite`);
  };
  if (type === 'F16' || type === 'BF16') {
    const mask = type === 'F16' ? 0x7c00 : 0x7f80;
    const words = new Uint16Array(buffer, 0, bytes >> 1);
    for (let i = 0; i < words.length; i++) if (((words[i] as number) & mask) === mask) broken();
  } else if (type === 'F32') {
    const words = new Uint32Array(buffer, 0, bytes >> 2);
    for (let i = 0; i < words.length; i++) if (((words[i] as number) & 0x7f800000) === 0x7f800000) broken();
  }
}
