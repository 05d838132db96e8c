/** Graphs of a case's networks, checked against its weights and run once. */
import { AidError } from '../errors.js';
import { Graph, type Value } from '../onnx/graph.js';
import { refusing } from '../onnx/refusing.js';
import { Scope } from '../onnx/scope.js';
import { BATCH, type Shape, times } from '../onnx/shape.js';
import type { Engine } from '../runtime/engine.js';
import type { FloatTensor, Tensor } from '../runtime/tensor.js';
import { checkWeights } from '../weights/check-weights.js';
import type { StoredTensor } from '../weights/safetensors.js';
import type { Outputs } from './case-kind.js';

/** A tensor and the shape that it has in the graph. */
export interface GraphInput {
  readonly tensor: Tensor;
  readonly shape: Shape;
}

/** A first dimension of `perBatch` times the batch, which stays open. */
export function openBatch(tensor: Tensor, perBatch = 1): GraphInput {
  return { tensor, shape: [times(BATCH, perBatch), ...tensor.dims.slice(1)] };
}

export interface BuiltGraph {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Tensor>>;
}

/** Builds a graph with `build`, which looks its inputs up by name and returns its outputs. */
export function buildGraph(
  name: string,
  inputs: Readonly<Record<string, GraphInput>>,
  build: (scope: Scope, input: (name: string) => Value) => Readonly<Record<string, Value>>,
): BuiltGraph {
  const graph = new Graph(name);
  const values = new Map(
    Object.entries(inputs).map(([key, { tensor, shape }]) => [key, graph.input(key, tensor.dataType, shape)]),
  );
  const outputs = refusing(name, () =>
    build(new Scope(graph), (key) => {
      const value = values.get(key);
      if (value === undefined) throw new AidError('invalid-graph', `${name}: no input ${key}`);
      return value;
    }),
  );
  for (const [key, value] of Object.entries(outputs)) graph.output(key, value);
  return {
    graph,
    inputs: Object.fromEntries(Object.entries(inputs).map(([key, { tensor }]) => [key, tensor])),
  };
}

/** Checks the weights of all graphs together, then runs one after the other. */
export async function runGraphs(
  engine: Engine,
  { name, weights }: { readonly name: string; readonly weights: ReadonlyMap<string, StoredTensor> },
  built: readonly BuiltGraph[],
): Promise<Outputs> {
  checkWeights(
    name,
    built.map(({ graph }) => graph),
    weights,
  );
  const outputs = new Map<string, FloatTensor>();
  for (const { graph, inputs } of built) {
    const session = await engine.load(graph, { weights: (key) => weights.get(key) });
    try {
      const { tensors } = await session.run(inputs);
      for (const [key, tensor] of Object.entries(tensors)) outputs.set(key, floatsOf(key, tensor));
    } finally {
      await session.release();
    }
  }
  return outputs;
}

export function floatsOf(name: string, tensor: Tensor | undefined): FloatTensor {
  if (tensor?.dataType === 'float32') return tensor;
  throw new AidError('engine-failed', `${name}: expected floats, got ${tensor?.dataType ?? 'nothing'}`);
}
