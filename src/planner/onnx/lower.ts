/** Rewrites operators that an engine cannot be trusted with into others. */
import { AidError } from '../errors.js';
import type { Float, Graph, Node, Value } from './graph.js';
import { unfusedAttention } from './ops/attention.js';
import { add, floor, multiply, subtract } from './ops/elementwise.js';
import { rewrite } from './rewrite.js';

/** Appends what takes a node's place and returns its outputs; `inputs` are the node's. */
export type Lowering = (node: Node, inputs: readonly (Value | null)[]) => readonly Value[];

/** Lowerings by operator, `com.microsoft:` before those that are not ONNX's own. */
export type Lowerings = ReadonlyMap<string, Lowering>;

export const ATTENTION = 'com.microsoft:MultiHeadAttention';

export const lowerAttention: Lowering = ({ attributes }, [query, key, value, , , bias]) => {
  if (!query || !key || !value)
    throw new AidError('invalid-graph', 'attention: expected query, key and value');
  const options = { heads: attributes['num_heads'] as number, scale: (attributes['scale'] as Float).value };
  return [unfusedAttention(query, key, value, bias ? { ...options, bias } : options)];
};

export const lowerSine: Lowering = (_, [x]) => {
  const r = reduced(x);
  return [multiply(r, series(sineTerms, r))];
};
export const lowerCosine: Lowering = (_, [x]) => [series(cosineTerms, reduced(x))];

/** Coefficients of the Taylor series in r^2: of sin(r) / r and of cos(r), to 1e-7 within half a turn. */
const sineTerms = Array.from({ length: 10 }, (_, n) => (-1) ** n / factorial(2 * n + 1));
const cosineTerms = Array.from({ length: 10 }, (_, n) => (-1) ** n / factorial(2 * n));

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

/** 2 pi in two parts; the first has so few digits that whole multiples of it are exact. */
const TURN = [6.28125, 2 * Math.PI - 6.28125] as const;

/** x without whole turns, in [-pi, pi]. */
function reduced(x: Value | null | undefined): Value {
  if (!x) throw new AidError('invalid-graph', 'sine and cosine: expected an angle');
  const turns = floor(add(multiply(x, 1 / (2 * Math.PI)), 0.5));
  return subtract(subtract(x, multiply(turns, TURN[0])), multiply(turns, TURN[1]));
}

function series(terms: readonly number[], r: Value): Value {
  const squared = multiply(r, r);
  let sum: Value | number = terms.at(-1) ?? 0;
  for (const term of terms.slice(0, -1).reverse()) sum = add(multiply(squared, sum), term);
  return sum as Value;
}

/** The same graph with those operators replaced. Inputs, outputs and parameters keep their names. */
export function lower(graph: Graph, lowerings: Lowerings): Graph {
  return rewrite(graph, {
    node: (copy, node, inputs) => {
      const { operator, domain, outputs, attributes } = node;
      const lowering = lowerings.get(domain === '' ? operator : `${domain}:${operator}`);
      return lowering === undefined
        ? copy.node(operator, inputs, outputs, attributes, domain)
        : lowering(node, inputs);
    },
  });
}
