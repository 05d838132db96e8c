import { Float } from '../graph.js';
import { add, erf, exp, multiply, sigmoid, subtract } from '../ops/elementwise.js';
import { sum } from '../ops/reduce.js';
import type { GradientRules } from './rule.js';

export const activationRules: GradientRules = {
  /** Phi(x) + x phi(x), the normal distribution's: (1 + erf u + u exp(ln(2 / sqrt pi) - u^2)) / 2, u = x / sqrt 2. */
  Gelu: ({ gradient, input }) => {
    const u = multiply(input(0), Math.SQRT1_2);
    const density = multiply(u, exp(subtract(Math.log(2 / Math.sqrt(Math.PI)), multiply(u, u))));
    return [multiply(gradient, multiply(add(add(erf(u), density), 1), 0.5))];
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
