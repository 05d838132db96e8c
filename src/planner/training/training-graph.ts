import { differentiate } from '../onnx/gradients/differentiate.js';
import type { Graph, Value } from '../onnx/graph.js';

export interface TrainingGraph {
  readonly graph: Graph;
  /** Trained parameters that the loss depends on, by key. Each has an output `gradientName(key)`. */
  readonly trained: ReadonlyMap<string, Value>;
  /** Chosen parameters that the loss does not depend on: checkpoints have them, at their first values. */
  readonly unreached: ReadonlyMap<string, Value>;
}

export const gradientName = (key: string): string => `gradient/${key}`;

/** Adds the backward pass: outputs `loss`, the given measures, and the gradients of the parameters chosen. */
export function trainingGraph(
  loss: Value,
  measures: Readonly<Record<string, Value>>,
  isTrained: (key: string) => boolean,
): TrainingGraph {
  const { graph } = loss;
  const chosen = [...graph.parameters].filter(([key]) => isTrained(key));
  const gradients = differentiate(
    loss,
    chosen.map(([, value]) => value),
  );
  graph.output('loss', loss);
  for (const [name, value] of Object.entries(measures)) graph.output(name, value);
  const trained = new Map<string, Value>();
  const unreached = new Map<string, Value>();
  for (const [key, value] of chosen) {
    const gradient = gradients.get(value);
    if (gradient === undefined) {
      unreached.set(key, value);
      continue;
    }
    graph.output(gradientName(key), gradient);
    trained.set(key, value);
  }
  return { graph, trained, unreached };
}
