/** Reverse-mode differentiation: appends the nodes of the backward pass to the graph of the forward pass. */
import { AidError } from '../../errors.js';
import type { Node, Value } from '../graph.js';
import { add } from '../ops/elementwise.js';
import { formatShape } from '../shape.js';
import { activationRules } from './activation.js';
import { attentionRules } from './attention.js';
import { elementwiseRules } from './elementwise.js';
import { layoutRules } from './layout.js';
import { normalizationRules } from './normalization.js';
import { productRules } from './product.js';
import { reduceRules } from './reduce.js';
import type { Backward, GradientRules } from './rule.js';

const rules: GradientRules = {
  ...elementwiseRules,
  ...activationRules,
  ...layoutRules,
  ...reduceRules,
  ...productRules,
  ...normalizationRules,
  ...attentionRules,
};

/**
 * The gradients of a scalar loss with respect to `variables`. A variable that the loss does not depend on is
 * not in the result. Shapes must not depend on the batch where a sum over it is taken.
 */
export function differentiate(loss: Value, variables: Iterable<Value>): Map<Value, Value> {
  if (loss.shape.length !== 0) {
    throw new AidError('invalid-graph', `expected a scalar loss, got ${formatShape(loss.shape)}`);
  }
  const wanted = [...variables];
  const active = dependents(loss, wanted);
  const gradients = new Map<Value, Value>([[loss, loss.graph.float(1)]]);
  for (const node of [...loss.graph.nodes].reverse()) {
    const outer = node.outputs.map((output) => gradients.get(output));
    if (
      !outer.some((gradient) => gradient !== undefined) ||
      !node.outputs.some((output) => active.has(output))
    )
      continue;
    const inner = backward(node, outer, active);
    node.inputs.forEach((input, i) => {
      const gradient = inner[i];
      if (input === null || gradient === undefined || !active.has(input)) return;
      const before = gradients.get(input);
      gradients.set(input, before === undefined ? gradient : add(before, gradient));
    });
    for (const output of node.outputs) if (!wanted.includes(output)) gradients.delete(output);
  }
  return new Map(
    wanted.flatMap((variable) => {
      const gradient = gradients.get(variable);
      return gradient === undefined ? [] : [[variable, gradient] as const];
    }),
  );
}

/** The values through which the loss may depend on the variables. */
function dependents(loss: Value, variables: readonly Value[]): ReadonlySet<Value> {
  const active = new Set<Value>(variables);
  for (const node of loss.graph.nodes) {
    if (node.inputs.some((input) => input !== null && active.has(input))) {
      for (const output of node.outputs) active.add(output);
    }
  }
  return active;
}

function backward(node: Node, gradients: readonly (Value | undefined)[], active: ReadonlySet<Value>) {
  const name = node.domain === '' ? node.operator : `${node.domain}:${node.operator}`;
  const rule = rules[name];
  if (rule === undefined) throw new AidError('invalid-graph', `no gradient rule for ${name}`);
  const given: Backward = {
    node,
    gradients,
    wants: (index) => {
      const input = node.inputs[index];
      return input !== null && input !== undefined && active.has(input);
    },
    input: (index) => {
      const input = node.inputs[index];
      if (input === null || input === undefined)
        throw new AidError('invalid-graph', `${name}: no input ${index}`);
      return input;
    },
    get gradient() {
      const gradient = gradients.find((each) => each !== undefined);
      if (gradient === undefined) throw new AidError('invalid-graph', `${name}: no gradient reached it`);
      return gradient;
    },
  };
  return rule(given);
}
