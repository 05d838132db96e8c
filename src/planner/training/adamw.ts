/** AdamW (arXiv 1711.05101), with torch's defaults. Matrices decay, vectors (norms and biases) do not. */

export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly weightDecay?: number;
}

/** One trained tensor and what the optimiser remembers of it. */
export interface TrainedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** First moment. */
  readonly m: Float32Array;
  /** Second moment. */
  readonly v: Float32Array;
  /** Exponential moving average of the data, which is what gets shipped. */
  readonly average: Float32Array;
}

export function trainedTensor(shape: readonly number[], data: Float32Array): TrainedTensor {
  const { length } = data;
  return { shape, data, m: new Float32Array(length), v: new Float32Array(length), average: data.slice() };
}

/** Updates a tensor in place. `step` counts from 1. */
export function adamWStep(
  { shape, data, m, v }: TrainedTensor,
  gradient: Float32Array,
  {
    step,
    learningRate,
    scale = 1,
  }: { readonly step: number; readonly learningRate: number; readonly scale?: number },
  { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 }: AdamWOptions = {},
): void {
  const decay = shape.length > 1 ? 1 - learningRate * weightDecay : 1;
  const stepSize = learningRate / (1 - beta1 ** step);
  const correction = 1 / Math.sqrt(1 - beta2 ** step);
  for (let i = 0; i < data.length; i++) {
    const g = (gradient[i] as number) * scale;
    const mi = beta1 * (m[i] as number) + (1 - beta1) * g;
    const vi = beta2 * (v[i] as number) + (1 - beta2) * g * g;
    m[i] = mi;
    v[i] = vi;
    data[i] = decay * (data[i] as number) - (stepSize * mi) / (Math.sqrt(vi) * correction + epsilon);
  }
}

/** Moves the average towards the data. The first steps count more, so that the start is forgotten. */
export function averageStep({ data, average }: TrainedTensor, step: number, decay: number): void {
  const share = 1 - Math.min(decay, (1 + step) / (10 + step));
  for (let i = 0; i < data.length; i++) {
    const old = average[i] as number;
    average[i] = old + share * ((data[i] as number) - old);
  }
}
