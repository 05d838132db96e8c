/** Tensors as they cross the border of an engine. */
import { AidError } from '../errors.js';

export interface FloatTensor {
  readonly dataType: 'float32';
  readonly dims: readonly number[];
  readonly data: Float32Array;
}
export interface Int64Tensor {
  readonly dataType: 'int64';
  readonly dims: readonly number[];
  readonly data: BigInt64Array;
}
export type Tensor = FloatTensor | Int64Tensor;

export function floatTensor(dims: readonly number[], data: Float32Array): FloatTensor {
  checkSize(dims, data.length);
  return { dataType: 'float32', dims, data };
}

export function int64Tensor(dims: readonly number[], data: BigInt64Array): Int64Tensor {
  checkSize(dims, data.length);
  return { dataType: 'int64', dims, data };
}

/** The same numbers in memory that the engine's threads see too: such a tensor is not copied on its way there. */
export function sharedFloats(data: Float32Array): Float32Array {
  const shared = new Float32Array(new SharedArrayBuffer(data.byteLength));
  shared.set(data);
  return shared;
}

function checkSize(dims: readonly number[], length: number): void {
  const size = dims.reduce((a, b) => a * b, 1);
  if (size !== length) {
    throw new AidError(
      'invalid-argument',
      `tensor [${dims.join(',')}]: expected ${size} numbers, got ${length}`,
    );
  }
}
