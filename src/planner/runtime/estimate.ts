/** What a graph costs to run, read off its shapes before anything is loaded. */
import type { Graph, Node, Value } from '../onnx/graph.js';
import { liveNodes } from '../onnx/live-nodes.js';
import { atBatch } from '../onnx/shape.js';

/** How fast an engine computes here. */
export interface EngineSpeed {
  /** Floating-point operations per second of large products. */
  readonly flopsPerSecond: number;
  /** Bytes per second that operators without products read and write. */
  readonly bytesPerSecond: number;
  /** From one operator to the next. */
  readonly secondsPerNode: number;
}

export interface NodeCost {
  readonly operator: string;
  /** Of products, convolutions and attentions; a multiplication and an addition are two. */
  readonly flops: number;
  /** Read and written, parameters included; none where an engine only looks at the same memory differently. */
  readonly bytes: number;
}

/**
 * On the CPU, a graph with more bytes of half-precision weights than this makes single precision of them at every run,
 * not when it is loaded: at this size a run takes so long that it hardly shows, and they are not there twice.
 */
export const MOST_HALF_BYTES_CAST_AT_LOAD = 1e9;

export interface GraphCost {
  readonly nodes: readonly NodeCost[];
  readonly flops: number;
  /** Of the parameters as they are computed with, in F32. */
  readonly parameterBytes: number;
  /** The most that is alive at once between the operators, and within one. */
  readonly activationBytes: number;
}

const BYTES = { float32: 4, float16: 2, int64: 8, int32: 4, bool: 1 } as const;
/** Operators that move nothing. */
const VIEWS: ReadonlySet<string> = new Set([
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Identity',
  'Shape',
]);

/** The cost of one run at that batch size. */
export function graphCost(graph: Graph, batch = 1): GraphCost {
  const { nodes: live, used } = liveNodes(graph);
  const sizeOf = (value: Value): number =>
    BYTES[value.dataType] * atBatch(value.shape, batch).reduce((a, b) => a * b, 1);
  const nodes = live.map((node) => nodeCost(node, batch, sizeOf));
  let parameterBytes = 0;
  for (const value of graph.parameters.values()) if (used.has(value)) parameterBytes += sizeOf(value);
  return {
    nodes,
    flops: nodes.reduce((sum, { flops }) => sum + flops, 0),
    parameterBytes,
    activationBytes: activationPeak(graph, live, batch, sizeOf),
  };
}

/** Each operator takes as long as its arithmetic or its memory does, whichever is longer. */
export function secondsOf({ nodes }: GraphCost, speed: EngineSpeed): number {
  return nodes.reduce((sum, { flops, bytes }) => {
    if (bytes === 0) return sum;
    return sum + speed.secondsPerNode + Math.max(flops / speed.flopsPerSecond, bytes / speed.bytesPerSecond);
  }, 0);
}

function nodeCost(node: Node, batch: number, sizeOf: (value: Value) => number): NodeCost {
  const { operator } = node;
  if (VIEWS.has(operator)) return { operator, flops: 0, bytes: 0 };
  const inputs = node.inputs.reduce((sum, value) => sum + (value === null ? 0 : sizeOf(value)), 0);
  const outputs = node.outputs.reduce((sum, value) => sum + sizeOf(value), 0);
  // A gather reads the rows that it gives.
  const bytes = operator.startsWith('Gather') ? 2 * outputs : inputs + outputs;
  return { operator, flops: flopsOf(node, batch), bytes };
}

function flopsOf({ operator, inputs, outputs, attributes }: Node, batch: number): number {
  const shape = (value: Value | null | undefined): number[] => (value ? atBatch(value.shape, batch) : []);
  const [a, b, c] = inputs.map(shape);
  const output = shape(outputs[0]);
  const count = (dims: readonly number[]): number => dims.reduce((x, y) => x * y, 1);
  switch (operator) {
    case 'MatMul':
      return 2 * count(output) * (a?.at(-1) ?? 0);
    case 'Gemm':
      return 2 * count(output) * ((attributes.transA === 1 ? a?.[0] : a?.[1]) ?? 0);
    case 'Conv':
      // weight [O, C, kH, kW]
      return 2 * count(output) * count(b?.slice(1) ?? []);
    case 'ConvTranspose':
      return 2 * count(a ?? []) * count(b?.slice(1) ?? []);
    case 'MultiHeadAttention': {
      // query [B, Lq, D], key [B, Lk, D], value [B, Lk, Dv]: the scores, then their sums of values
      const [queries, keys] = [count(a?.slice(0, 2) ?? []), b?.[1] ?? 0];
      return 2 * queries * keys * ((a?.[2] ?? 0) + (c?.[2] ?? 0));
    }
    default:
      return 0;
  }
}

/** Walks the nodes in order; a value lives from the node that makes it to the last one that reads it. */
function activationPeak(
  graph: Graph,
  nodes: readonly Node[],
  batch: number,
  sizeOf: (value: Value) => number,
): number {
  // What shares the memory of another value counts with that one.
  const owners = new Map<Value, Value>();
  const ownerOf = (value: Value): Value => owners.get(value) ?? value;
  const isActivation = (value: Value | null): value is Value =>
    value !== null && (value.source.kind === 'node' || value.source.kind === 'input');
  const lastUse = new Map<Value, number>();
  nodes.forEach((node, index) => {
    const [first] = node.inputs;
    if (VIEWS.has(node.operator) && isActivation(first ?? null) && node.outputs[0] !== undefined)
      owners.set(node.outputs[0], ownerOf(first as Value));
    for (const input of node.inputs) if (isActivation(input)) lastUse.set(ownerOf(input), index);
  });
  for (const value of graph.outputs.values()) lastUse.set(ownerOf(value), nodes.length);
  const ends = new Map<number, Value[]>();
  for (const [value, index] of lastUse) ends.set(index, [...(ends.get(index) ?? []), value]);

  const alive = new Set<Value>();
  let [current, peak] = [0, 0];
  const start = (value: Value): void => {
    if (alive.has(value)) return;
    alive.add(value);
    current += sizeOf(value);
  };
  for (const input of graph.inputs) if (lastUse.has(input)) start(input);
  for (const [index, node] of nodes.entries()) {
    for (const output of node.outputs) if (lastUse.has(output) && ownerOf(output) === output) start(output);
    peak = Math.max(peak, current + scratchBytes(node, batch));
    for (const value of ends.get(index) ?? []) if (alive.delete(value)) current -= sizeOf(value);
  }
  return peak;
}

/** What an operator needs besides its inputs and outputs. */
function scratchBytes({ operator, inputs, attributes }: Node, batch: number): number {
  if (operator !== 'MultiHeadAttention') return 0;
  const [query, key] = inputs.map((value) => (value === null ? [] : atBatch(value.shape, batch)));
  const [rows = 0, queries = 0, width = 0] = query ?? [];
  const keys = key?.[1] ?? 0;
  const heads = typeof attributes.num_heads === 'number' ? attributes.num_heads : 1;
  // Query, key and value with the heads apart, and the scores.
  return 4 * rows * (width * (queries + 2 * keys) + heads * queries * keys);
}
