/** A model folder as a repository of an inference server: every graph that a planner asks an engine for. */
import { throwIfAborted } from '../errors.js';
import type { Graph } from '../onnx/graph.js';
import { writeTritonModel } from '../runtime/open-inference-protocol/triton-repository.js';
import { inspectWeights } from '../weights/inspect-weights.js';
import { checkNetworks } from './check-networks.js';
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
  /** `copy`, the default, makes a folder that can be sent anywhere; `link` points to the weight files. */
  readonly weights?: 'copy' | 'link';
  /** Rows computed at once, 16 unless said otherwise. A clip has one to three for each denoising step. */
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
  const { sha256: weightsSha256 } = await inspectWeights(networks.tensors, { abortSignal });
  const weights = (key: string) => networks.tensors.get(key);
  const models: string[] = [];
  for (const graph of graphsOf(networks, clipLengths)) {
    throwIfAborted(abortSignal);
    const batching = { maxBatchSize, maxQueueDelayUs, maxQueueSize };
    models.push(
      await writeTritonModel(repository, graph, { weights, weightsSha256, placement, ...batching }),
    );
  }
  return { weightsSha256, models };
}

function* graphsOf(networks: Networks, clipLengths: readonly number[]): Generator<Graph> {
  const { width, height } = networks.aid.video;
  const clip = (numFrames: number): ClipGeometry => ({ numFrames, width, height });
  yield frameEncoderGraph(networks, clip(1));
  yield visionGraph(networks);
  const lengths = [...new Set(clipLengths)];
  for (const length of lengths) {
    yield conditionGraph(networks, clip(length));
    yield denoiserGraph(networks, clip(length));
    if (length > 1) yield decoderGraph(networks, clip(length));
  }
  // Previews, of every size.
  for (const downscale of downscalesOf(networks))
    yield decoderGraph(networks, { numFrames: 1, width: width / downscale, height: height / downscale });
}
