/** The denoising loss of EDM (arXiv 2206.00364, Table 1 and Eq. 8, with SVD's preconditioning) as a graph. */
import type { Value } from '../onnx/graph.js';
import { add, divide, log, multiply, sqrt, subtract } from '../onnx/ops/elementwise.js';
import { concat, reshape } from '../onnx/ops/layout.js';
import { mean } from '../onnx/ops/reduce.js';
import { at } from '../onnx/shape.js';

export interface DenoisingInputs {
  /** Clean latents, scaled, [B, F, C, H, W]. */
  readonly clean: Value;
  /** Standard normal, same shape. */
  readonly noise: Value;
  /** Noise level of each clip, [B]. */
  readonly sigma: Value;
  /** Image latents that are concatenated to the noisy ones, [B, F, C, H, W]. */
  readonly frameLatents: Value;
  /** How much each frame's error counts beside the others', [F]; all alike unless said otherwise. */
  readonly frameWeights?: readonly number[];
}

export interface Denoising {
  /** D_x, [B, F, C, H, W]. */
  readonly denoised: Value;
  /** Scalar. */
  readonly loss: Value;
}

/** `network(sample, cNoise)` is F_x of the scaled noisy latents with the image latents beside them. */
export function denoisingLoss(
  { clean, noise, sigma, frameLatents, frameWeights }: DenoisingInputs,
  network: (sample: Value, cNoise: Value) => Value,
): Denoising {
  const batch = at(clean.shape, 0);
  const s = reshape(sigma, [batch, 1, 1, 1, 1]);
  const s2plus1 = add(multiply(s, s), 1);
  const root = sqrt(s2plus1);
  const x = add(clean, multiply(noise, s));
  const F_x = network(concat([divide(x, root), frameLatents], 2), multiply(log(sigma), 0.25));
  // D_x = c_skip x + c_out F_x
  const denoised = subtract(divide(x, s2plus1), multiply(F_x, divide(s, root)));
  const error = subtract(denoised, clean);
  const weight = divide(s2plus1, multiply(s, s));
  const weighted = multiply(multiply(error, error), weight);
  const counted = frameWeights === undefined ? weighted : multiply(weighted, perFrame(clean, frameWeights));
  return { denoised, loss: mean(counted, [0, 1, 2, 3, 4]) };
}

/** Weights of mean 1, [1, F, 1, 1, 1]: the loss stays comparable. */
function perFrame({ graph }: Value, weights: readonly number[]): Value {
  const sum = weights.reduce((a, b) => a + b, 0);
  const values = Float32Array.from(weights, (weight) => (weight * weights.length) / sum);
  return reshape(graph.floats(values), [1, weights.length, 1, 1, 1]);
}
