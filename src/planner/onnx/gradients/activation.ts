import { Float } from '../graph.js';
import { add, erf, exp, multiply, sigmoid, subtract } from '../ops/elementwise.js';
import { sum } from '../ops/reduce.js';
import type { GradientRules } from './rule.js';

export const activationRules: GradientRules = {
  /** Phi(x) + x phi(x), the normal distribution's. */
  Gelu: ({ gradient, input }) => {
    const x = input(0);
    const cumulative = multiply(add(erf(multiply(x, Math.SQRT1_2)), 1), 0.5);
    const density = multiply(exp(multiply(multiply(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [multiply(gradient, add(cumulative, multiply(x, density)))];
  },
  /** y = x s with s = sigmoid(a x): s + a y (1 - s). */
  'com.microsoft:QuickGelu': ({ node, gradient, input }) => {
    const { alpha } = node.attributes;
    const a = alpha instanceof Float ? alpha.value : 1.702;
    const x = input(0);
    const y = node.outputs[0] ?? x;
    const s = sigmoid(a === 1 ? x : multiply(x, a));
    const slope = multiply(y, subtract(1, s));
    return [multiply(gradient, add(s, a === 1 ? slope : multiply(slope, a)))];
  },
  Softmax: ({ node, gradient }) => {
    const y = node.outputs[0] ?? gradient;
    const weighted = multiply(gradient, y);
    return [subtract(weighted, multiply(y, sum(weighted, [-1], { keepDims: true })))];
  },
};
