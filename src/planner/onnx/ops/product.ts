/** Matrix products and convolutions. */
import { AidError } from '../../errors.js';
import { type Attributes, Float, only, type Value } from '../graph.js';
import { at, broadcast, type Dim, fixedAt, formatShape, sameDim } from '../shape.js';

/** Batched matrix product, numpy's rules: [..., M, K] x [..., K, N]. */
export function matMul(a: Value, b: Value): Value {
  if (!sameDim(at(a.shape, -1), at(b.shape, -2))) {
    throw new AidError('invalid-graph', `matMul: ${formatShape(a.shape)} x ${formatShape(b.shape)}`);
  }
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...batch, at(a.shape, -2), at(b.shape, -1)];
  return only(a.graph.node('MatMul', [a, b], [{ dataType: a.dataType, shape }]));
}

export interface GemmOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
}

/** A B + C of matrices, either transposed on request; C broadcasts over rows. */
export function gemm(
  a: Value,
  b: Value,
  c: Value | null = null,
  { transA = false, transB = false }: GemmOptions = {},
): Value {
  const [m, k] = transA ? [at(a.shape, 1), at(a.shape, 0)] : [at(a.shape, 0), at(a.shape, 1)];
  const [k2, n] = transB ? [at(b.shape, 1), at(b.shape, 0)] : [at(b.shape, 0), at(b.shape, 1)];
  if (!sameDim(k, k2) || a.shape.length !== 2 || b.shape.length !== 2) {
    throw new AidError('invalid-graph', `gemm: ${formatShape(a.shape)} x ${formatShape(b.shape)}`);
  }
  const attributes: Attributes = {
    alpha: new Float(1),
    beta: new Float(1),
    transA: transA ? 1 : 0,
    transB: transB ? 1 : 0,
  };
  const inputs = c === null ? [a, b] : [a, b, c];
  return only(a.graph.node('Gemm', inputs, [{ dataType: a.dataType, shape: [m, n] }], attributes));
}

export interface ConvolutionOptions {
  readonly stride?: number;
  /** Zeros at [top, left, bottom, right]. */
  readonly padding?: readonly [number, number, number, number];
}

/** 2-D convolution of x [N, C, H, W] with weight [O, C, kH, kW]. */
export function convolution(
  x: Value,
  weight: Value,
  bias: Value | null,
  { stride = 1, padding = [0, 0, 0, 0] }: ConvolutionOptions = {},
): Value {
  const [top, left, bottom, right] = padding;
  const [kernelHeight, kernelWidth] = [fixedAt(weight.shape, 2), fixedAt(weight.shape, 3)];
  if (x.shape.length !== 4 || fixedAt(x.shape, 1) !== fixedAt(weight.shape, 1)) {
    throw new AidError(
      'invalid-graph',
      `convolution: ${formatShape(x.shape)} with weight ${formatShape(weight.shape)}`,
    );
  }
  const extent = (size: number, before: number, after: number, kernel: number): number =>
    Math.floor((size + before + after - kernel) / stride) + 1;
  const shape: Dim[] = [
    at(x.shape, 0),
    fixedAt(weight.shape, 0),
    extent(fixedAt(x.shape, 2), top, bottom, kernelHeight),
    extent(fixedAt(x.shape, 3), left, right, kernelWidth),
  ];
  const inputs = bias === null ? [x, weight] : [x, weight, bias];
  return only(
    x.graph.node('Conv', inputs, [{ dataType: x.dataType, shape }], {
      kernel_shape: [kernelHeight, kernelWidth],
      strides: [stride, stride],
      pads: [top, left, bottom, right],
      group: 1,
    }),
  );
}

export interface SpaceConvolutionOptions {
  /** A number for each dimension of space. */
  readonly stride: readonly number[];
  /** Zeros, [before..., after...]. */
  readonly padding: readonly number[];
}

/** Convolution over any dimensions of space: x [N, C, ...space] with weight [O, C, ...kernel]. */
export function spaceConvolution(
  x: Value,
  weight: Value,
  bias: Value | null,
  { stride, padding }: SpaceConvolutionOptions,
): Value {
  const rank = stride.length;
  if (x.shape.length !== rank + 2 || fixedAt(x.shape, 1) !== fixedAt(weight.shape, 1))
    throw new AidError(
      'invalid-graph',
      `convolution: ${formatShape(x.shape)} with weight ${formatShape(weight.shape)}`,
    );
  const kernel = stride.map((_, i) => fixedAt(weight.shape, i + 2));
  const space = kernel.map((size, i) => {
    const length = fixedAt(x.shape, i + 2) + (padding[i] as number) + (padding[i + rank] as number);
    return Math.floor((length - size) / (stride[i] as number)) + 1;
  });
  const shape: Dim[] = [at(x.shape, 0), fixedAt(weight.shape, 0), ...space];
  const attributes = { kernel_shape: kernel, strides: stride, pads: padding, group: 1 };
  const inputs = bias === null ? [x, weight] : [x, weight, bias];
  return only(x.graph.node('Conv', inputs, [{ dataType: x.dataType, shape }], attributes));
}
