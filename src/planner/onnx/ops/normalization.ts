/** Normalisation. */
import { Float, type Value } from '../graph.js';
import { at } from '../shape.js';

export interface LayerNormalized {
  readonly output: Value;
  /** [..., 1] */
  readonly mean: Value;
  /** 1 / sqrt(variance + epsilon), [..., 1] */
  readonly inverseDeviation: Value;
}

/** Normalises the last dimension, then scales and shifts it. */
export function layerNormalization(x: Value, scale: Value, bias: Value, epsilon: number): LayerNormalized {
  const statistics = [...x.shape.slice(0, -1), 1];
  const [output, mean, inverseDeviation] = x.graph.node(
    'LayerNormalization',
    [x, scale, bias],
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

/** Zero mean and unit variance over the last dimension of x [N, G, K], for each of the N * G rows. */
export function standardizeRows(x: Value, epsilon: number): Value {
  const groups = at(x.shape, 1) as number;
  const [output] = x.graph.node(
    'InstanceNormalization',
    [x, x.graph.floats(new Float32Array(groups).fill(1)), x.graph.floats(new Float32Array(groups))],
    [{ dataType: x.dataType, shape: x.shape }],
    { epsilon: new Float(epsilon) },
  );
  if (output === undefined) throw new TypeError('unreachable');
  return output;
}
