/** A model folder as a repository of an inference server: every graph that a planner asks an engine for. */
import { readdir } from 'node:fs/promises';
import { AidError, throwIfAborted } from '../errors.js';
import type { Graph } from '../onnx/graph.js';
import { writeTritonModel } from '../runtime/open-inference-protocol/triton-repository.js';
import { inspectWeights } from '../weights/inspect-weights.js';
import { checkNetworks } from './check-networks.js';
import { decodeChunks } from './decode-chunks.js';
import {
  type ClipGeometry,
  conditionGraph,
  decoderGraph,
  denoiserGraph,
  frameEncoderGraph,
  visionGraph,
} from './graphs.js';
import { type Networks, readNetworks } from './networks.js';
import { downscalesOf, whole } from './request.js';

export interface TritonExportOptions {
  /** Lengths of clips that will be asked for; the model's own when absent. */
  readonly clipLengths?: readonly number[];
  /**
   * `copy`, the default, has the weights that each graph reads; `link` the model folder's own files by hard links, which
   * take no room, or copies of them where the repository is on another file system.
   */
  readonly weights?: 'copy' | 'link';
  /**
   * Rows computed at once, 16 unless said otherwise. A clip has one to three for each denoising step. Fewer where a row
   * is a whole clip of pictures: 64 pictures are decoded at once, as their memory grows with each.
   */
  readonly maxBatchSize?: number;
  /** Microseconds that a request waits for others to join it, 2000 unless said otherwise. */
  readonly maxQueueDelayUs?: number;
  /** Requests of a graph that may wait before the server refuses more, 64 unless said otherwise. */
  readonly maxQueueSize?: number;
  readonly abortSignal?: AbortSignal;
}

export interface TritonExport {
  readonly weightsSha256: string;
  /** Names of the models that were written. */
  readonly models: readonly string[];
}

/**
 * Writes a Triton model repository into an empty folder that exists.
 * Errors: `invalid-model-folder`, `invalid-config`, `invalid-weights`, `invalid-argument`, `io-failed`, `aborted`.
 */
export async function exportTriton(
  modelFolder: string,
  repository: string,
  options: TritonExportOptions = {},
): Promise<TritonExport> {
  const networks = await readNetworks(modelFolder);
  checkNetworks(networks);
  const { num_frames: numFrames } = networks.aid.dqformer;
  const { clipLengths = [numFrames], weights: placement = 'copy', abortSignal } = options;
  const { maxBatchSize = 16, maxQueueDelayUs = 2000, maxQueueSize = 64 } = options;
  for (const length of clipLengths) whole('clipLengths', length, 1, numFrames);
  whole('maxBatchSize', maxBatchSize, 3, 1024);
  whole('maxQueueDelayUs', maxQueueDelayUs, 0, 1_000_000);
  whole('maxQueueSize', maxQueueSize, 1, 1_000_000);
  await checkEmptyFolder(repository);
  const { sha256: weightsSha256 } = await inspectWeights(networks.tensors, { abortSignal });
  const weights = (key: string) => networks.tensors.get(key);
  const models: string[] = [];
  for (const { graph, picturesInRow } of graphsOf(networks, clipLengths)) {
    throwIfAborted(abortSignal);
    const most = Math.max(1, Math.floor(PICTURES_AT_ONCE / picturesInRow));
    const batching = { maxBatchSize: Math.min(maxBatchSize, most), maxQueueDelayUs, maxQueueSize };
    models.push(
      await writeTritonModel(repository, graph, { weights, weightsSha256, placement, ...batching }),
    );
  }
  return { weightsSha256, models };
}

const PICTURES_AT_ONCE = 64;

interface Exported {
  readonly graph: Graph;
  /** Pictures, in pixels, in a row of its batch. */
  readonly picturesInRow: number;
}

function* graphsOf(networks: Networks, clipLengths: readonly number[]): Generator<Exported> {
  const { width, height } = networks.aid.video;
  const clip = (numFrames: number): ClipGeometry => ({ numFrames, width, height });
  yield { graph: frameEncoderGraph(networks, clip(1)), picturesInRow: 1 };
  yield { graph: visionGraph(networks), picturesInRow: 1 };
  const lengths = [...new Set(clipLengths)];
  for (const length of lengths) {
    yield { graph: conditionGraph(networks, clip(length)), picturesInRow: 0 };
    yield { graph: denoiserGraph(networks, clip(length)), picturesInRow: 0 };
  }
  const chunks = new Set(lengths.flatMap((length) => decodeChunks(networks, clip(length))));
  for (const length of chunks)
    if (length > 1) yield { graph: decoderGraph(networks, clip(length)), picturesInRow: length };
  // Previews, of every size.
  for (const downscale of downscalesOf(networks)) {
    const still = { numFrames: 1, width: width / downscale, height: height / downscale };
    yield { graph: decoderGraph(networks, still), picturesInRow: 1 };
  }
}

async function checkEmptyFolder(path: string): Promise<void> {
  const refuse = (got: string, cause?: unknown): never => {
    throw new AidError('invalid-argument', `${path}: expected an empty folder that exists, got ${got}`, {
      cause,
    });
  };
  const names = await readdir(path).catch((cause: NodeJS.ErrnoException) =>
    refuse(cause.code === 'ENOTDIR' ? 'a file' : cause.code === 'ENOENT' ? 'nothing' : cause.message, cause),
  );
  if (names.length > 0) refuse(`one with ${names.length} entries`);
}
