/** Normalisation. */
import { Float, only, type Value } from '../graph.js';
import { fixedAt } from '../shape.js';

export interface LayerNormalized {
  readonly output: Value;
  /** [..., 1] */
  readonly mean: Value;
  /** 1 / sqrt(variance + epsilon), [..., 1] */
  readonly inverseDeviation: Value;
}

/** Normalises the last dimension, then scales and shifts it. */
export function layerNormalization(
  x: Value,
  scale: Value,
  bias: Value | null,
  epsilon: number,
): LayerNormalized {
  const statistics = [...x.shape.slice(0, -1), 1];
  const [output, mean, inverseDeviation] = x.graph.node(
    'LayerNormalization',
    bias === null ? [x, scale] : [x, scale, bias],
    [
      { dataType: x.dataType, shape: x.shape },
      { dataType: 'float32', shape: statistics },
      { dataType: 'float32', shape: statistics },
    ],
    { axis: -1, epsilon: new Float(epsilon) },
  );
  if (output === undefined || mean === undefined || inverseDeviation === undefined)
    throw new TypeError('unreachable');
  return { output, mean, inverseDeviation };
}

/** Batch normalisation with what was learned: (x - mean) / sqrt(variance + epsilon) scale + bias, by channel. */
export function batchNormalization(
  x: Value,
  { scale, bias, mean, variance }: Readonly<Record<'scale' | 'bias' | 'mean' | 'variance', Value>>,
  epsilon: number,
): Value {
  const inputs = [x, scale, bias, mean, variance];
  const outputs = [{ dataType: x.dataType, shape: x.shape }];
  return only(x.graph.node('BatchNormalization', inputs, outputs, { epsilon: new Float(epsilon) }));
}

/** Zero mean and unit variance over the last dimension of x [..., K]. */
export function standardizeRows(x: Value, epsilon: number): Value {
  const width = fixedAt(x.shape, -1);
  return layerNormalization(x, x.graph.filled(1, [width]), null, epsilon).output;
}
