/**
 * LPIPS (arXiv 1801.03924), version 0.1 on AlexNet: how unlike two pictures look. Keys are those of torchvision's AlexNet
 * (`features.*`) and of the published linear weights (`lin0.model.1.weight`, ...); arithmetic is that of the `lpips`
 * package.
 */
import { z } from 'zod';
import type { Value } from '../onnx/graph.js';
import { conv2d } from '../onnx/layers/convolution.js';
import { relu } from '../onnx/ops/activation.js';
import { add, divide, multiply, sqrt, subtract } from '../onnx/ops/elementwise.js';
import { maxPool } from '../onnx/ops/pooling.js';
import { convolution } from '../onnx/ops/product.js';
import { mean, sum } from '../onnx/ops/reduce.js';
import type { Scope } from '../onnx/scope.js';
import { fixedAt } from '../onnx/shape.js';

export const lpipsConfig = z.object({
  /** Of all channels, 1 for the published network. */
  width: z.number().positive().default(1),
});
export type LpipsConfig = z.infer<typeof lpipsConfig>;

/** Smaller sides leave nothing for the second pooling, pixels. */
export const LPIPS_MIN_SIZE = 31;

/** Place in AlexNet's `features`, channels, kernel, stride, padding, and whether pooling comes before. */
const LAYERS = [
  { place: 0, channels: 64, kernel: 11, stride: 4, padding: 2, pooled: false },
  { place: 3, channels: 192, kernel: 5, stride: 1, padding: 2, pooled: true },
  { place: 6, channels: 384, kernel: 3, stride: 1, padding: 1, pooled: true },
  { place: 8, channels: 256, kernel: 3, stride: 1, padding: 1, pooled: false },
  { place: 10, channels: 256, kernel: 3, stride: 1, padding: 1, pooled: false },
] as const;
/** Added to the length of each feature vector before it is divided by it. */
const EPSILON = 1e-10;
/** ImageNet's mean and deviation of each colour, for pixels in [-1, 1]. */
const SHIFT = Float32Array.of(-0.03, -0.088, -0.188);
const SCALE = Float32Array.of(0.458, 0.448, 0.45);

/** a and b [N, 3, H, W] in [-1, 1], sides of at least 31 -> distances [N]; 0 for the same picture. */
export function lpips(root: Scope, a: Value, b: Value, { width }: LpipsConfig): Value {
  const [ofA, ofB] = [features(root, a, width), features(root, b, width)];
  const distances = ofA.map((x, layer) => {
    const difference = subtract(unitLength(x), unitLength(ofB[layer] as Value));
    const weight = root.at(`lin${layer}`, 'model', 1).parameter('weight', [1, fixedAt(x.shape, 1), 1, 1]);
    // [N, C, h, w] -> [N, 1, h, w] -> [N]
    return mean(convolution(multiply(difference, difference), weight, null), [1, 2, 3]);
  });
  return distances.reduce((total, distance) => add(total, distance));
}

/** After each of the five convolutions, [N, C, h, w]. */
function features(root: Scope, pixels: Value, width: number): Value[] {
  const { graph } = root;
  let x = divide(subtract(pixels, graph.floats(SHIFT, [3, 1, 1])), graph.floats(SCALE, [3, 1, 1]));
  return LAYERS.map(({ place, channels, kernel, stride, padding, pooled }) => {
    if (pooled) x = maxPool(x, { kernel: [3, 3], stride: [2, 2] });
    const outChannels = Math.max(1, Math.round(channels * width));
    x = relu(conv2d(root.at('features', place), x, outChannels, { kernel, stride, padding }));
    return x;
  });
}

/** Each position's features divided by their length. */
function unitLength(x: Value): Value {
  return divide(x, add(sqrt(sum(multiply(x, x), [1], { keepDims: true })), EPSILON));
}
