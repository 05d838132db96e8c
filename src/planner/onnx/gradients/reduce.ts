import { multiply } from '../ops/elementwise.js';
import { expand, reshape } from '../ops/layout.js';
import { fixedAt, type Shape } from '../shape.js';
import { constantInts } from './constants.js';
import type { Backward, GradientRules } from './rule.js';

export const reduceRules: GradientRules = {
  ReduceSum: (backward) => [spread(backward), undefined],
  ReduceMean: (backward) => {
    const { shape } = backward.input(0);
    const count = axesOf(backward).reduce((product, axis) => product * fixedAt(shape, axis), 1);
    return [spread({ ...backward, gradient: multiply(backward.gradient, 1 / count) }), undefined];
  },
};

function spread(backward: Backward): ReturnType<typeof expand> {
  const { shape } = backward.input(0);
  const axes = new Set(axesOf(backward));
  const kept: Shape = shape.map((dim, i) => (axes.has(i) ? 1 : dim));
  return expand(reshape(backward.gradient, kept), shape);
}

function axesOf({ input }: Backward): number[] {
  const rank = input(0).shape.length;
  return constantInts(input(1)).map((axis) => (axis < 0 ? axis + rank : axis));
}
