/**
 * Inception v3 as Frechet distances of pictures are measured with: TensorFlow's graph of 2015 in its PyTorch port
 * (`pt_inception-2015-12-05`), which differs from torchvision's network in the pooling of its blocks.
 */
import { z } from 'zod';
import type { Value } from '../../onnx/graph.js';
import { concat } from '../../onnx/ops/layout.js';
import { averagePool, maxPool } from '../../onnx/ops/pooling.js';
import { mean } from '../../onnx/ops/reduce.js';
import type { Scope } from '../../onnx/scope.js';
import { scaled, unit } from './unit.js';

export const inceptionConfig = z.object({
  /** Of all channels, 1 for the published network. */
  width: z.number().positive().default(1),
  /** Of the batch normalisations. */
  eps: z.number().positive().default(1e-3),
});
export type InceptionConfig = z.infer<typeof inceptionConfig>;

/** Sides of the pictures that it was trained on, pixels. */
export const INCEPTION_SIZE = 299;

const ONE = [1, 1];
const THREE = [3, 3];
const ACROSS = [1, 7];
const DOWN = [7, 1];

/** pixels [N, 3, H, W] in [-1, 1] -> the last pooled features, [N, 2048]. */
export function inceptionV3(root: Scope, pixels: Value, { width, eps: epsilon }: InceptionConfig): Value {
  const conv = (
    name: string,
    x: Value,
    channels: number,
    kernel: readonly number[],
    { stride = 1, padded = false } = {},
  ): Value => {
    const half = kernel.map((size) => (padded ? (size - 1) / 2 : 0));
    const options = { kernel, epsilon, stride: [stride, stride], padding: [...half, ...half] };
    return unit(root.at(name), 'conv', x, scaled(channels, width), options);
  };
  const padded = { padded: true };
  const halved = { stride: 2 };
  const halve = (x: Value): Value => maxPool(x, { kernel: THREE, stride: [2, 2] });
  const average = (x: Value): Value => averagePool(x, { kernel: THREE, stride: ONE, padding: [1, 1, 1, 1] });
  const largest = (x: Value): Value => maxPool(x, { kernel: THREE, stride: ONE, padding: [1, 1, 1, 1] });

  function blockA(name: string, x: Value, poolChannels: number): Value {
    const at = (branch: string): string => `${name}.${branch}`;
    const five = conv(at('branch5x5_1'), x, 48, ONE);
    let double = conv(at('branch3x3dbl_1'), x, 64, ONE);
    double = conv(at('branch3x3dbl_2'), double, 96, THREE, padded);
    return concat(
      [
        conv(at('branch1x1'), x, 64, ONE),
        conv(at('branch5x5_2'), five, 64, [5, 5], padded),
        conv(at('branch3x3dbl_3'), double, 96, THREE, padded),
        conv(at('branch_pool'), average(x), poolChannels, ONE),
      ],
      1,
    );
  }

  function blockC(name: string, x: Value, inner: number): Value {
    const at = (branch: string): string => `${name}.${branch}`;
    let seven = conv(at('branch7x7_1'), x, inner, ONE);
    seven = conv(at('branch7x7_2'), seven, inner, ACROSS, padded);
    let double = conv(at('branch7x7dbl_1'), x, inner, ONE);
    double = conv(at('branch7x7dbl_2'), double, inner, DOWN, padded);
    double = conv(at('branch7x7dbl_3'), double, inner, ACROSS, padded);
    double = conv(at('branch7x7dbl_4'), double, inner, DOWN, padded);
    return concat(
      [
        conv(at('branch1x1'), x, 192, ONE),
        conv(at('branch7x7_3'), seven, 192, DOWN, padded),
        conv(at('branch7x7dbl_5'), double, 192, ACROSS, padded),
        conv(at('branch_pool'), average(x), 192, ONE),
      ],
      1,
    );
  }

  function blockE(name: string, x: Value, pool: (x: Value) => Value): Value {
    const at = (branch: string): string => `${name}.${branch}`;
    const split = (branch: string, value: Value): Value[] => [
      conv(at(`${branch}a`), value, 384, [1, 3], padded),
      conv(at(`${branch}b`), value, 384, [3, 1], padded),
    ];
    const double = conv(at('branch3x3dbl_2'), conv(at('branch3x3dbl_1'), x, 448, ONE), 384, THREE, padded);
    return concat(
      [
        conv(at('branch1x1'), x, 320, ONE),
        ...split('branch3x3_2', conv(at('branch3x3_1'), x, 384, ONE)),
        ...split('branch3x3dbl_3', double),
        conv(at('branch_pool'), pool(x), 192, ONE),
      ],
      1,
    );
  }

  let x = conv('Conv2d_1a_3x3', pixels, 32, THREE, halved);
  x = conv('Conv2d_2a_3x3', x, 32, THREE);
  x = halve(conv('Conv2d_2b_3x3', x, 64, THREE, padded));
  x = conv('Conv2d_3b_1x1', x, 80, ONE);
  x = halve(conv('Conv2d_4a_3x3', x, 192, THREE));
  x = blockA('Mixed_5b', x, 32);
  x = blockA('Mixed_5c', x, 64);
  x = blockA('Mixed_5d', x, 64);
  let double = conv('Mixed_6a.branch3x3dbl_1', x, 64, ONE);
  double = conv('Mixed_6a.branch3x3dbl_2', double, 96, THREE, padded);
  x = concat(
    [
      conv('Mixed_6a.branch3x3', x, 384, THREE, halved),
      conv('Mixed_6a.branch3x3dbl_3', double, 96, THREE, halved),
      halve(x),
    ],
    1,
  );
  x = blockC('Mixed_6b', x, 128);
  x = blockC('Mixed_6c', x, 160);
  x = blockC('Mixed_6d', x, 160);
  x = blockC('Mixed_6e', x, 192);
  let seven = conv('Mixed_7a.branch7x7x3_1', x, 192, ONE);
  seven = conv('Mixed_7a.branch7x7x3_2', seven, 192, ACROSS, padded);
  seven = conv('Mixed_7a.branch7x7x3_3', seven, 192, DOWN, padded);
  x = concat(
    [
      conv('Mixed_7a.branch3x3_2', conv('Mixed_7a.branch3x3_1', x, 192, ONE), 320, THREE, halved),
      conv('Mixed_7a.branch7x7x3_4', seven, 192, THREE, halved),
      halve(x),
    ],
    1,
  );
  x = blockE('Mixed_7b', x, average);
  x = blockE('Mixed_7c', x, largest);
  return mean(x, [2, 3]);
}
