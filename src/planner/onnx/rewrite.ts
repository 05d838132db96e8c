/** Copies of graphs in which something is different. */
import { AidError } from '../errors.js';
import { Graph, type Node, type Value } from './graph.js';

export interface Rewriting {
  /** Adds an input and returns what stands for it in the copy. */
  readonly input?: (graph: Graph, value: Value) => Value;
  /** Adds what takes a node's place, `inputs` being the node's, and returns its outputs. */
  readonly node?: (graph: Graph, node: Node, inputs: readonly (Value | null)[]) => readonly Value[];
  /** What is given out instead. */
  readonly output?: (value: Value) => Value;
}

const sameInput = (graph: Graph, { name, dataType, shape }: Value): Value =>
  graph.input(name, dataType, shape);
const sameNode: NonNullable<Rewriting['node']> = (graph, node, inputs) =>
  graph.node(node.operator, inputs, node.outputs, node.attributes, node.domain);

/** Inputs, outputs and parameters keep their names. */
export function rewrite(
  graph: Graph,
  { input = sameInput, node: rewriteNode = sameNode, output = (value) => value }: Rewriting,
): Graph {
  const copy = new Graph(graph.name);
  const values = new Map<Value, Value>();
  for (const value of graph.inputs) values.set(value, input(copy, value));
  for (const [key, value] of graph.parameters)
    values.set(value, copy.parameter(key, value.shape as readonly number[]));
  const translate = (value: Value): Value => {
    const known = values.get(value);
    if (known !== undefined) return known;
    if (value.source.kind !== 'constant')
      throw new AidError('invalid-graph', `${graph.name}: ${value.name} is used before it is there`);
    const constant = copy.constant(value.source.tensor);
    values.set(value, constant);
    return constant;
  };
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((each) => (each === null ? null : translate(each)));
    rewriteNode(copy, node, inputs).forEach((value, i) => {
      values.set(node.outputs[i] as Value, value);
    });
  }
  for (const [name, value] of graph.outputs) copy.output(name, output(translate(value)));
  return copy;
}
