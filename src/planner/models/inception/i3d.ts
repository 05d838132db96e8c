/**
 * Inflated 3-D Inception (arXiv 1705.07750), which video distances are measured with. Keys and arithmetic are those
 * of the common PyTorch port of the Kinetics-400 weights (`i3d_pretrained_400.pt`).
 */
import { z } from 'zod';
import type { Value } from '../../onnx/graph.js';
import { concat, reshape } from '../../onnx/ops/layout.js';
import { averagePool, maxPool } from '../../onnx/ops/pooling.js';
import { spaceConvolution } from '../../onnx/ops/product.js';
import { mean } from '../../onnx/ops/reduce.js';
import type { Scope } from '../../onnx/scope.js';
import { at, fixedAt, type Shape } from '../../onnx/shape.js';
import { scaled, unit } from './unit.js';

export const i3dConfig = z.object({
  /** 400 of Kinetics. */
  num_classes: z.int().positive().default(400),
  /** Of all channels, 1 for the published network. */
  width: z.number().positive().default(1),
  /** Of the batch normalisations: 1e-5 in the port, whatever TensorFlow had. */
  eps: z.number().positive().default(1e-5),
});
export type I3dConfig = z.infer<typeof i3dConfig>;

/** Sides of the pictures that it was trained on, pixels. */
export const I3D_SIZE = 224;
/** Fewer leave nothing for the last pooling, over two. */
export const I3D_MIN_FRAMES = 9;

/** Channels of the four branches: 1x1; 1x1 then 3x3; 1x1 then 3x3; pool then 1x1. */
type Branches = readonly [number, number, number, number, number, number];
const MIXED = {
  Mixed_3b: [64, 96, 128, 16, 32, 32],
  Mixed_3c: [128, 128, 192, 32, 96, 64],
  Mixed_4b: [192, 96, 208, 16, 48, 64],
  Mixed_4c: [160, 112, 224, 24, 64, 64],
  Mixed_4d: [128, 128, 256, 24, 64, 64],
  Mixed_4e: [112, 144, 288, 32, 64, 64],
  Mixed_4f: [256, 160, 320, 32, 128, 128],
  Mixed_5b: [256, 160, 320, 32, 128, 128],
  Mixed_5c: [384, 192, 384, 48, 128, 128],
} as const satisfies Record<string, Branches>;

const ONE = [1, 1, 1];
const THREE = [3, 3, 3];

/** pixels [N, 3, F, 224, 224] in [-1, 1] -> logits averaged over time, no softmax, [N, num_classes]. */
export function i3d(
  root: Scope,
  pixels: Value,
  { num_classes: classes, width, eps: epsilon }: I3dConfig,
): Value {
  const wide = (channels: number): number => scaled(channels, width);
  const conv = (name: string, x: Value, channels: number, kernel: readonly number[], stride = ONE): Value =>
    unit(root.at(name), 'conv3d', x, wide(channels), {
      kernel,
      epsilon,
      stride,
      padding: same(x.shape, kernel, stride),
    });
  const mixed = (x: Value, ...names: (keyof typeof MIXED)[]): Value =>
    names.reduce(
      (value, name) => inception(root.at(name), value, MIXED[name].map(wide) as unknown as Branches, epsilon),
      x,
    );

  let x = conv('Conv3d_1a_7x7', pixels, 64, [7, 7, 7], [2, 2, 2]);
  x = samePool(x, [1, 3, 3], [1, 2, 2]);
  x = conv('Conv3d_2b_1x1', x, 64, ONE);
  x = conv('Conv3d_2c_3x3', x, 192, THREE);
  x = samePool(x, [1, 3, 3], [1, 2, 2]);
  x = mixed(x, 'Mixed_3b', 'Mixed_3c');
  x = samePool(x, THREE, [2, 2, 2]);
  x = mixed(x, 'Mixed_4b', 'Mixed_4c', 'Mixed_4d', 'Mixed_4e', 'Mixed_4f');
  x = samePool(x, [2, 2, 2], [2, 2, 2]);
  x = mixed(x, 'Mixed_5b', 'Mixed_5c');
  x = averagePool(x, { kernel: [2, fixedAt(x.shape, 3), fixedAt(x.shape, 4)], stride: ONE });
  const scope = root.at('logits', 'conv3d');
  const weight = scope.parameter('weight', [classes, fixedAt(x.shape, 1), 1, 1, 1]);
  const padding = [0, 0, 0, 0, 0, 0];
  const logits = spaceConvolution(x, weight, scope.parameter('bias', [classes]), { stride: ONE, padding });
  return mean(reshape(logits, [at(logits.shape, 0), classes, fixedAt(logits.shape, 2)]), [2]);
}

function inception(scope: Scope, x: Value, [b0, b1a, b1b, b2a, b2b, b3]: Branches, epsilon: number): Value {
  const conv = (name: string, value: Value, channels: number, kernel: readonly number[]): Value =>
    unit(scope.at(name), 'conv3d', value, channels, {
      kernel,
      epsilon,
      padding: same(value.shape, kernel, ONE),
    });
  return concat(
    [
      conv('b0', x, b0, ONE),
      conv('b1b', conv('b1a', x, b1a, ONE), b1b, THREE),
      conv('b2b', conv('b2a', x, b2a, ONE), b2b, THREE),
      conv('b3b', samePool(x, THREE, ONE), b3, ONE),
    ],
    1,
  );
}

/** What is pooled is never negative, so that zeros around it and nothing around it are the same. */
function samePool(x: Value, kernel: readonly number[], stride: readonly number[]): Value {
  return maxPool(x, { kernel, stride, padding: same(x.shape, kernel, stride) });
}

/** TensorFlow's "same": as many outputs as strides begin, the odd zero at the end. */
function same(shape: Shape, kernel: readonly number[], stride: readonly number[]): number[] {
  const total = kernel.map((size, i) => {
    const step = stride[i] as number;
    const rest = fixedAt(shape, i + 2) % step;
    return Math.max(size - (rest === 0 ? step : rest), 0);
  });
  return [...total.map((each) => Math.floor(each / 2)), ...total.map((each) => Math.ceil(each / 2))];
}
