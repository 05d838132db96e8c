import { AidError } from '../errors.js';
import type { Graph, Node, Value } from './graph.js';

/** The nodes that the outputs depend on, in order, and every value that they touch. */
export function liveNodes(graph: Graph): { nodes: Node[]; used: Set<Value> } {
  if (graph.outputs.size === 0) throw new AidError('invalid-graph', `${graph.name}: no outputs`);
  const used = new Set<Value>(graph.outputs.values());
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((value) => used.has(value))) continue;
    nodes.push(node);
    for (const input of node.inputs) if (input !== null) used.add(input);
  }
  return { nodes: nodes.reverse(), used };
}
