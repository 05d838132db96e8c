/** What both Inception networks are built of: convolution, batch normalisation, ReLU. */
import type { Value } from '../../onnx/graph.js';
import { relu } from '../../onnx/ops/activation.js';
import { batchNormalization } from '../../onnx/ops/normalization.js';
import { spaceConvolution } from '../../onnx/ops/product.js';
import type { Scope } from '../../onnx/scope.js';
import { fixedAt } from '../../onnx/shape.js';

export interface UnitOptions {
  readonly kernel: readonly number[];
  /** Of the batch normalisation: the variances of published weights are small enough for it to show. */
  readonly epsilon: number;
  readonly stride?: readonly number[];
  /** [before..., after...]; none unless said otherwise. */
  readonly padding?: readonly number[];
}

/** `conv` is the convolution's name below the scope; its weight [out, in, ...kernel] has no bias. */
export function unit(
  scope: Scope,
  conv: string,
  x: Value,
  outChannels: number,
  { kernel, epsilon, stride = kernel.map(() => 1), padding = kernel.flatMap(() => [0, 0]) }: UnitOptions,
): Value {
  const weight = scope.at(conv).parameter('weight', [outChannels, fixedAt(x.shape, 1), ...kernel]);
  const convolved = spaceConvolution(x, weight, null, { stride, padding });
  const norm = scope.at('bn');
  const channel = (name: string): Value => norm.parameter(name, [outChannels]);
  const learned = {
    scale: channel('weight'),
    bias: channel('bias'),
    mean: channel('running_mean'),
    variance: channel('running_var'),
  };
  return relu(batchNormalization(convolved, learned, epsilon));
}

/** Channels of a network `width` times as wide as the published one, which tests need small. */
export const scaled = (channels: number, width: number): number => Math.max(1, Math.round(channels * width));
