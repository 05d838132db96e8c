/** Elementwise operators, broadcasting as numpy does. */
import { type Graph, only, type Value } from '../graph.js';
import { broadcast } from '../shape.js';

/** A value, or a number that becomes a constant. */
export type Operand = Value | number;

function graphOf(a: Operand, b: Operand): Graph {
  const value = typeof a === 'number' ? b : a;
  if (typeof value === 'number') throw new TypeError('an operator on two numbers has no graph');
  return value.graph;
}

function binary(operator: string, a: Operand, b: Operand): Value {
  const graph = graphOf(a, b);
  const x = typeof a === 'number' ? graph.float(a) : a;
  const y = typeof b === 'number' ? graph.float(b) : b;
  return only(graph.node(operator, [x, y], [{ dataType: x.dataType, shape: broadcast(x.shape, y.shape) }]));
}

function unary(operator: string, x: Value): Value {
  return only(x.graph.node(operator, [x], [{ dataType: x.dataType, shape: x.shape }]));
}

export const add = (a: Operand, b: Operand): Value => binary('Add', a, b);
export const subtract = (a: Operand, b: Operand): Value => binary('Sub', a, b);
export const multiply = (a: Operand, b: Operand): Value => binary('Mul', a, b);
export const divide = (a: Operand, b: Operand): Value => binary('Div', a, b);

export const negate = (x: Value): Value => unary('Neg', x);
export const exp = (x: Value): Value => unary('Exp', x);
export const log = (x: Value): Value => unary('Log', x);
export const sqrt = (x: Value): Value => unary('Sqrt', x);
export const sin = (x: Value): Value => unary('Sin', x);
export const cos = (x: Value): Value => unary('Cos', x);
export const floor = (x: Value): Value => unary('Floor', x);
export const erf = (x: Value): Value => unary('Erf', x);
export const abs = (x: Value): Value => unary('Abs', x);
export const sign = (x: Value): Value => unary('Sign', x);
export const sigmoid = (x: Value): Value => unary('Sigmoid', x);

/** Limits x to [low, high]. */
export function clamp(x: Value, low: number, high: number): Value {
  const { graph } = x;
  return only(
    graph.node('Clip', [x, graph.float(low), graph.float(high)], [{ dataType: x.dataType, shape: x.shape }]),
  );
}
