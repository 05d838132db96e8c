/** What the autoencoder is trained on: the frames again, from few and well-behaved numbers. */

import type { AutoencoderConfig } from '../models/autoencoder/config.js';
import { decodeLatents } from '../models/autoencoder/decoder.js';
import { encodeImages } from '../models/autoencoder/encoder.js';
import type { Value } from '../onnx/graph.js';
import { abs, add, exp, multiply, subtract } from '../onnx/ops/elementwise.js';
import { mean } from '../onnx/ops/reduce.js';
import type { Scope } from '../onnx/scope.js';

export interface ReconstructionWeights {
  /** Of the mean absolute error beside the mean squared error. */
  readonly absoluteError: number;
  /** Of the Kullback-Leibler divergence from the standard normal, per latent number. */
  readonly divergence: number;
}

export interface Reconstruction {
  readonly loss: Value;
  /** Of pixels in [-1, 1]. */
  readonly meanSquaredError: Value;
  readonly divergence: Value;
  /** Mean of the squared latents, for the scaling factor. */
  readonly latentPower: Value;
}

const EVERYWHERE = [0, 1, 2, 3];

/** frames [B*F, 3, H, W] in [-1, 1]; noise [B*F, latent_channels, h, w], standard normal. */
export function reconstructionLoss(
  vae: Scope,
  frames: Value,
  noise: Value,
  config: AutoencoderConfig,
  numFrames: number,
  weights: ReconstructionWeights,
): Reconstruction {
  const { mean: mu, logVariance } = encodeImages(vae, frames, config);
  const latents = add(mu, multiply(noise, exp(multiply(logVariance, 0.5))));
  const error = subtract(decodeLatents(vae, latents, config, { numFrames }), frames);
  const meanSquaredError = mean(multiply(error, error), EVERYWHERE);
  const meanAbsoluteError = mean(abs(error), EVERYWHERE);
  // KL(N(mu, v) || N(0, 1)) = (mu^2 + v - 1 - ln v) / 2
  const latentPower = mean(multiply(mu, mu), EVERYWHERE);
  const spread = mean(subtract(exp(logVariance), logVariance), EVERYWHERE);
  const divergence = multiply(add(add(latentPower, spread), -1), 0.5);
  const loss = add(
    add(meanSquaredError, multiply(meanAbsoluteError, weights.absoluteError)),
    multiply(divergence, weights.divergence),
  );
  return { loss, meanSquaredError, divergence, latentPower };
}
