/** A graph as a server has it: under a name that says which network and which weights it is. */
import { createHash } from 'node:crypto';
import { batchFirst } from '../../onnx/batch-first.js';
import type { Graph, Value } from '../../onnx/graph.js';
import { liveNodes } from '../../onnx/live-nodes.js';
import { toOnnxFile } from '../../onnx/onnx-file.js';

export interface ServedModel {
  /**
   * Such as `denoiser-3f2a90c41b7d`: the digits follow from the graph, its sizes and the weights, so that a robot
   * never gets the answers of another model than it asked for, and several are served side by side.
   */
  readonly name: string;
  /** With the batch first in every input and output. */
  readonly graph: Graph;
  /** Those that an output depends on. */
  readonly inputs: readonly Value[];
}

const DIGITS = 12;

/** `weightsSha256` as `VideoPlanner.sha256` gives it. */
export function servedModel(graph: Graph, weightsSha256: string): ServedModel {
  const served = batchFirst(graph);
  const structure = toOnnxFile(served, { parameters: () => ({ kind: 'input' }) });
  const hash = createHash('sha256').update(structure).update(weightsSha256).digest('hex');
  const { used } = liveNodes(served);
  return {
    name: `${graph.name.replaceAll(' ', '-')}-${hash.slice(0, DIGITS)}`,
    graph: served,
    inputs: served.inputs.filter((value) => used.has(value)),
  };
}
