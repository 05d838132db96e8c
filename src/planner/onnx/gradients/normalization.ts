import { AidError } from '../../errors.js';
import type { Value } from '../graph.js';
import { multiply, subtract } from '../ops/elementwise.js';
import { reshape } from '../ops/layout.js';
import { matMul } from '../ops/product.js';
import { fixedAt } from '../shape.js';
import type { GradientRules } from './rule.js';
import { sumTo } from './sum-to.js';

const isOnes = ({ source }: Value): boolean => source.kind === 'constant' && source.tensor.data === 1;

export const normalizationRules: GradientRules = {
  /** With n the normed input: dx = (g s - mean(g s) - n mean(g s n)) / deviation. */
  LayerNormalization: ({ node, gradient, input, wants }) => {
    const [x, scale] = [input(0), input(1)];
    const [, center, inverseDeviation] = node.outputs;
    if (center === undefined || inverseDeviation === undefined) {
      throw new AidError('invalid-graph', 'a layer norm without statistics has no gradient');
    }
    const width = fixedAt(x.shape, -1);
    const normed = multiply(subtract(x, center), inverseDeviation);
    const product = multiply(gradient, normed);
    // Means over the width, weighted by the scale, as products with a column.
    const column = reshape(multiply(scale, 1 / width), [width, 1]);
    const scaled = isOnes(scale) ? gradient : multiply(gradient, scale);
    const centered = subtract(
      subtract(scaled, matMul(gradient, column)),
      multiply(normed, matMul(product, column)),
    );
    return [
      wants(0) ? multiply(centered, inverseDeviation) : undefined,
      wants(1) ? sumTo(product, scale.shape) : undefined,
      wants(2) ? sumTo(gradient, scale.shape) : undefined,
    ];
  },
};
