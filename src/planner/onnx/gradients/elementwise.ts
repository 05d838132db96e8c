import { cos, divide, multiply, negate, sign, sin, subtract } from '../ops/elementwise.js';
import type { GradientRules } from './rule.js';
import { sumTo } from './sum-to.js';

export const elementwiseRules: GradientRules = {
  Add: ({ gradient, input }) => [sumTo(gradient, input(0).shape), sumTo(gradient, input(1).shape)],
  Sub: ({ gradient, input, wants }) => [
    sumTo(gradient, input(0).shape),
    wants(1) ? negate(sumTo(gradient, input(1).shape)) : undefined,
  ],
  Mul: ({ gradient, input, wants }) => [
    wants(0) ? sumTo(multiply(gradient, input(1)), input(0).shape) : undefined,
    wants(1) ? sumTo(multiply(gradient, input(0)), input(1).shape) : undefined,
  ],
  Div: ({ node, gradient, input, wants }) => {
    const share = divide(gradient, input(1));
    const [quotient] = node.outputs;
    return [
      wants(0) ? sumTo(share, input(0).shape) : undefined,
      wants(1) && quotient !== undefined
        ? negate(sumTo(multiply(share, quotient), input(1).shape))
        : undefined,
    ];
  },
  Neg: ({ gradient }) => [negate(gradient)],
  Exp: ({ node, gradient }) => [multiply(gradient, node.outputs[0] ?? gradient)],
  Log: ({ gradient, input }) => [divide(gradient, input(0))],
  Sqrt: ({ node, gradient }) => [divide(multiply(gradient, 0.5), node.outputs[0] ?? gradient)],
  Sin: ({ gradient, input }) => [multiply(gradient, cos(input(0)))],
  Cos: ({ gradient, input }) => [negate(multiply(gradient, sin(input(0))))],
  Abs: ({ gradient, input }) => [multiply(gradient, sign(input(0)))],
  Sigmoid: ({ node, gradient }) => {
    const y = node.outputs[0] ?? gradient;
    return [multiply(gradient, subtract(y, multiply(y, y)))];
  },
  /** Inside the limits only; the values used here do not sit on them. */
  Clip: ({ node, gradient, input }) => {
    const inside = node.outputs[0] ?? gradient;
    // sign(|x - clip(x)|) is 1 where x was cut.
    const cut = multiply(subtract(input(0), inside), subtract(input(0), inside));
    return [multiply(gradient, subtract(1, sign(cut))), undefined, undefined];
  },
  Identity: ({ gradient }) => [gradient],
};
