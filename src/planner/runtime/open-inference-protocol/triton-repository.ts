/** Graphs as models of a Triton model repository. */
import { copyFile, type FileHandle, link, mkdir, open, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AidError } from '../../errors.js';
import type { Graph, Value } from '../../onnx/graph.js';
import { type ParameterSource, toOnnxFile } from '../../onnx/onnx-file.js';
import type { StoredTensor } from '../../weights/safetensors.js';
import { externalSource } from '../external-source.js';
import type { WeightSource } from '../weight-source.js';
import { type ServedModel, servedModel } from './served-model.js';

export interface TritonModelOptions {
  readonly weights: WeightSource;
  readonly weightsSha256: string;
  /** `copy` makes files that have nothing to do with the model folder's; `link` takes these by hard links. */
  readonly placement: 'copy' | 'link';
  /** Rows that the server may compute at once; robots' requests are put together up to that many. */
  readonly maxBatchSize: number;
  /** Microseconds that a request waits for others to join it. */
  readonly maxQueueDelayUs: number;
  /** Requests that may wait; one more is refused, so that a busy server says so at once. */
  readonly maxQueueSize: number;
}

const VERSION = '1';
const WEIGHTS = 'weights.bin';
const CHUNK_BYTES = 1 << 20;

/**
 * Writes `NAME/config.pbtxt` and `NAME/1/` with the graph and its weights into a folder that exists; returns NAME.
 * Errors: `io-failed`, `invalid-weights`.
 */
export async function writeTritonModel(
  repository: string,
  graph: Graph,
  options: TritonModelOptions,
): Promise<string> {
  const model = servedModel(graph, options.weightsSha256);
  const folder = join(repository, model.name);
  try {
    await fillModelFolder(folder, model, options);
  } catch (cause) {
    if (AidError.isInstance(cause)) throw cause;
    throw new AidError('io-failed', `${folder}: could not be written: ${(cause as Error).message}`, {
      cause,
    });
  }
  return model.name;
}

async function fillModelFolder(
  folder: string,
  { name, graph, inputs }: ServedModel,
  { weights, weightsSha256, placement, ...batching }: TritonModelOptions,
): Promise<void> {
  const version = join(folder, VERSION);
  await mkdir(version, { recursive: true });
  const stored = [...graph.parameters.keys()].map((key) => {
    const tensor = weights(key);
    if (tensor === undefined)
      throw new AidError('invalid-weights', `${graph.name}: ${key} is not in the weights`);
    return tensor;
  });
  const places =
    placement === 'copy' ? await copyWeights(version, stored) : await linkWeights(version, stored);
  const onnx = toOnnxFile(graph, {
    parameters: (key) => places.get(weights(key) as StoredTensor) as ParameterSource,
  });
  await writeFile(join(version, 'model.onnx'), onnx);
  await writeFile(
    join(folder, 'config.pbtxt'),
    configText(name, inputs, [...graph.outputs], weightsSha256, batching),
  );
}

type Places = ReadonlyMap<StoredTensor, ParameterSource>;

/** All tensors in one file, in the order of the graph. */
async function copyWeights(folder: string, tensors: readonly StoredTensor[]): Promise<Places> {
  const places = new Map<StoredTensor, ParameterSource>();
  const target = await open(join(folder, WEIGHTS), 'wx');
  try {
    let offset = 0;
    for (const tensor of new Set(tensors)) {
      places.set(tensor, externalSource(tensor, WEIGHTS, offset));
      await copyRange(tensor, target, offset);
      offset += tensor.length;
    }
    await target.sync();
  } finally {
    await target.close();
  }
  return places;
}

async function copyRange(
  { file, key, offset, length }: StoredTensor,
  target: FileHandle,
  to: number,
): Promise<void> {
  const source = await open(file, 'r');
  try {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, length));
    for (let done = 0; done < length; ) {
      const size = Math.min(chunk.length, length - done);
      const { bytesRead } = await source.read(chunk, 0, size, offset + done);
      if (bytesRead === 0) throw new AidError('invalid-weights', `${file}: ${key} is cut short`);
      await target.write(chunk, 0, bytesRead, to + done);
      done += bytesRead;
    }
  } finally {
    await source.close();
  }
}

/** Each weight file under a name of its own: onnxruntime opens nothing that lies outside of the model's folder. */
async function linkWeights(folder: string, tensors: readonly StoredTensor[]): Promise<Places> {
  const names = new Map<string, string>();
  for (const { file } of tensors) {
    if (names.has(file)) continue;
    const name = `weights-${names.size}.safetensors`;
    names.set(file, name);
    await linkOrCopy(await realpath(file), join(folder, name));
  }
  return new Map(
    tensors.map(
      (tensor) => [tensor, externalSource(tensor, names.get(tensor.file) as string, tensor.offset)] as const,
    ),
  );
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyFile(from, to);
  }
}

/** In protobuf's text form. */
function configText(
  name: string,
  inputs: readonly Value[],
  outputs: readonly (readonly [string, Value])[],
  weightsSha256: string,
  {
    maxBatchSize,
    maxQueueDelayUs,
    maxQueueSize,
  }: Pick<TritonModelOptions, 'maxBatchSize' | 'maxQueueDelayUs' | 'maxQueueSize'>,
): string {
  const tensor = (field: string, name: string, { dataType, shape }: Value): string =>
    `${field} {\n  name: "${name}"\n  data_type: ${dataType === 'int64' ? 'TYPE_INT64' : 'TYPE_FP32'}\n` +
    `  dims: [ ${shape.slice(1).join(', ')} ]\n}\n`;
  return [
    `name: "${name}"\nbackend: "onnxruntime"\nmax_batch_size: ${maxBatchSize}\n`,
    ...inputs.map((value) => tensor('input', value.name, value)),
    ...outputs.map(([output, value]) => tensor('output', output, value)),
    '# No row of a batch sees another, so that requests of several robots are computed together.\n',
    `dynamic_batching {\n  max_queue_delay_microseconds: ${maxQueueDelayUs}\n`,
    `  default_queue_policy { max_queue_size: ${maxQueueSize} }\n}\n`,
    'instance_group { count: 1 kind: KIND_AUTO }\n',
    `parameters { key: "aid_weights_sha256" value { string_value: "${weightsSha256}" } }\n`,
  ].join('');
}
