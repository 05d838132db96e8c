import { AidError } from '../../errors.js';
import type { Attributes, Value } from '../graph.js';
import { only } from '../graph.js';
import { concat, pad, reshape, reversed, slice, transpose } from '../ops/layout.js';
import { convolution, gemm, matMul } from '../ops/product.js';
import { sum } from '../ops/reduce.js';
import { at, fixedAt, times } from '../shape.js';
import type { GradientRules } from './rule.js';
import { sumTo } from './sum-to.js';

export const productRules: GradientRules = {
  MatMul: ({ gradient, input, wants }) => [
    wants(0) ? sumTo(matMul(gradient, swapLast(input(1))), input(0).shape) : undefined,
    wants(1) ? sumTo(matMul(swapLast(input(0)), gradient), input(1).shape) : undefined,
  ],
  /** Y = op(A) op(B) + C. */
  Gemm: ({ node, gradient, input, wants }) => {
    const transA = node.attributes['transA'] === 1;
    const transB = node.attributes['transB'] === 1;
    if (transA)
      throw new AidError('invalid-graph', 'no gradient for a Gemm whose first matrix is transposed');
    const [a, b] = [input(0), input(1)];
    return [
      wants(0) ? gemm(gradient, b, null, { transB: !transB }) : undefined,
      wants(1)
        ? transB
          ? gemm(gradient, a, null, { transA: true })
          : gemm(a, gradient, null, { transA: true })
        : undefined,
      wants(2) ? sumTo(gradient, input(2).shape) : undefined,
    ];
  },
  Conv: ({ node, gradient, input, wants }) => {
    const geometry = geometryOf(node.attributes, input(1));
    return [
      wants(0) ? inputGradient(gradient, input(0), input(1), geometry) : undefined,
      wants(1) ? weightGradient(gradient, input(0), input(1), geometry) : undefined,
      wants(2) ? sum(gradient, [0, 2, 3]) : undefined,
    ];
  },
};

interface Geometry {
  readonly stride: number;
  readonly padding: readonly [top: number, left: number, bottom: number, right: number];
  readonly kernel: readonly [height: number, width: number];
}

function geometryOf(attributes: Attributes, weight: Value): Geometry {
  const [stride] = attributes['strides'] as readonly number[];
  const padding = attributes['pads'] as unknown as Geometry['padding'];
  return { stride: stride ?? 1, padding, kernel: [fixedAt(weight.shape, 2), fixedAt(weight.shape, 3)] };
}

/** With stride 1 a convolution with the turned kernel; else a transposed convolution. */
function inputGradient(
  gradient: Value,
  x: Value,
  weight: Value,
  { stride, padding, kernel }: Geometry,
): Value {
  const [top, left, bottom, right] = padding;
  const [height, width] = kernel;
  if (stride === 1) {
    const turned = transpose(turn(weight), [1, 0, 2, 3]);
    const mirrored = [height - 1 - top, width - 1 - left, height - 1 - bottom, width - 1 - right] as const;
    return convolution(gradient, turned, null, { padding: mirrored });
  }
  const reach = (axis: 2 | 3, before: number, after: number, size: number): number =>
    fixedAt(x.shape, axis) - ((fixedAt(gradient.shape, axis) - 1) * stride + size - before - after);
  return only(
    x.graph.node('ConvTranspose', [gradient, weight], [{ dataType: x.dataType, shape: x.shape }], {
      kernel_shape: kernel,
      strides: [stride, stride],
      pads: padding,
      output_padding: [reach(2, top, bottom, height), reach(3, left, right, width)],
      group: 1,
    }),
  );
}

/** The kernel turned by half a circle. */
function turn(weight: Value): Value {
  const [height, width] = [fixedAt(weight.shape, 2), fixedAt(weight.shape, 3)];
  const taps = height * width;
  if (taps === 1) return weight;
  const flat = reshape(weight, [...weight.shape.slice(0, 2), taps]);
  return reshape(reversed(flat, 2), weight.shape);
}

/**
 * One matrix product per tap of the kernel: [O, N*P] x [N*P, C], with the input shifted. Faster in
 * onnxruntime than the convolution of the input with the gradient.
 */
function weightGradient(
  gradient: Value,
  x: Value,
  weight: Value,
  { stride, padding, kernel }: Geometry,
): Value {
  const [top, left, bottom, right] = padding;
  const [height, width] = kernel;
  const [outChannels, channels] = [fixedAt(weight.shape, 0), fixedAt(weight.shape, 1)];
  const [outHeight, outWidth] = [fixedAt(gradient.shape, 2), fixedAt(gradient.shape, 3)];
  const positions = times(at(x.shape, 0), outHeight * outWidth);
  const rows = reshape(transpose(gradient, [1, 0, 2, 3]), [outChannels, positions]);
  const padded = pad(transpose(x, [0, 2, 3, 1]), { 1: [top, bottom], 2: [left, right] }); // [N, H, W, C]
  const taps: Value[] = [];
  for (let dy = 0; dy < height; dy++) {
    const band = slice(padded, 1, dy, dy + (outHeight - 1) * stride + 1, stride);
    for (let dx = 0; dx < width; dx++) {
      const shifted = slice(band, 2, dx, dx + (outWidth - 1) * stride + 1, stride);
      taps.push(reshape(gemm(rows, reshape(shifted, [positions, channels])), [outChannels, channels, 1]));
    }
  }
  return reshape(concat(taps, 2), weight.shape);
}

function swapLast(x: Value): Value {
  const rank = x.shape.length;
  return transpose(
    x,
    x.shape.map((_, i) => (i === rank - 2 ? rank - 1 : i === rank - 1 ? rank - 2 : i)),
  );
}
