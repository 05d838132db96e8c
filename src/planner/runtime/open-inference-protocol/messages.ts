/** The protocol's messages, and tensors in them. */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { AidError } from '../../errors.js';
import type { Tensor } from '../tensor.js';

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}
export interface ModelMetadataRequest {
  readonly name: string;
  readonly version: string;
}
export interface ModelMetadataResponse {
  readonly name: string;
  readonly versions: readonly string[];
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}
export interface ModelInferRequest {
  readonly model_name: string;
  readonly model_version: string;
  readonly id?: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly { readonly name: string }[];
  readonly raw_input_contents: readonly Uint8Array[];
}
export interface ModelInferResponse {
  readonly model_name: string;
  readonly model_version: string;
  readonly outputs: readonly TensorMetadata[];
  readonly raw_output_contents: readonly Uint8Array[];
}

interface Messages {
  readonly ModelMetadataRequest: ModelMetadataRequest;
  readonly ModelMetadataResponse: ModelMetadataResponse;
  readonly ModelInferRequest: ModelInferRequest;
  readonly ModelInferResponse: ModelInferResponse;
}

export type MessageName = keyof Messages;

let root: protobuf.Root | undefined;
function typeOf(name: MessageName): protobuf.Type {
  root ??= protobuf.parse(readFileSync(new URL('./open-inference.proto', import.meta.url), 'utf8'), {
    keepCase: true,
  }).root;
  return root.lookupType(`inference.${name}`);
}

export function encodeMessage<Name extends MessageName>(name: Name, message: Messages[Name]): Buffer {
  return Buffer.from(typeOf(name).encode(message).finish());
}

export function decodeMessage<Name extends MessageName>(name: Name, bytes: Uint8Array): Messages[Name] {
  const type = typeOf(name);
  return type.toObject(type.decode(bytes), { longs: Number, arrays: true, defaults: true }) as Messages[Name];
}

export const DATATYPES = { float32: 'FP32', int64: 'INT64' } as const;

/** The numbers as they lie in memory, little-endian as the protocol has them. */
export function rawContents({ data }: Tensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Errors: `engine-failed` where the bytes are not the tensor that they are said to be. */
export function tensorOf({ name, datatype, shape }: TensorMetadata, raw: Uint8Array | undefined): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const width = datatype === DATATYPES.float32 ? 4 : 8;
  if (datatype !== DATATYPES.float32 && datatype !== DATATYPES.int64)
    throw new AidError('engine-failed', `${name}: expected FP32 or INT64, got ${datatype}`);
  if (raw === undefined || raw.length !== size * width)
    throw new AidError(
      'engine-failed',
      `${name} [${shape}]: expected ${size * width} bytes, got ${raw?.length ?? 'none'}`,
    );
  // A copy: the bytes in a message begin anywhere.
  const { buffer } = new Uint8Array(raw);
  return datatype === DATATYPES.float32
    ? { dataType: 'float32', dims: shape, data: new Float32Array(buffer) }
    : { dataType: 'int64', dims: shape, data: new BigInt64Array(buffer) };
}
