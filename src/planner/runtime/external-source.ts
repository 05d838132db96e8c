/** Stored tensors as a graph's file names them. */
import { AidError } from '../errors.js';
import type { ParameterSource, StoredFloat } from '../onnx/onnx-file.js';
import type { StoredTensor, StoredType } from '../weights/safetensors.js';

const STORED_FLOATS: Readonly<Partial<Record<StoredType, StoredFloat>>> = {
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
  F64: 'float64',
};

/** The tensor's bytes at `offset` of the file `location`. Errors: `invalid-weights`. */
export function externalSource(
  { file, key, type, length }: StoredTensor,
  location: string,
  offset: number,
): ParameterSource {
  const dataType = STORED_FLOATS[type];
  if (dataType === undefined)
    throw new AidError('invalid-weights', `${file}: ${key}: expected floats, got ${type}`);
  return { kind: 'external', location, offset, length, dataType };
}
