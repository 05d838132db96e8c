/** The noise levels that a sampler visits. */
import { AidError } from '../errors.js';

export interface KarrasSchedule {
  readonly numInferenceSteps: number;
  /** SVD: 0.002. */
  readonly sigmaMin?: number;
  /** SVD: 700. */
  readonly sigmaMax?: number;
  /** The larger, the more steps are spent at low noise. */
  readonly rho?: number;
}

/**
 * `numInferenceSteps` noise levels from sigmaMax down to sigmaMin, then 0 (arXiv 2206.00364, Eq. 5):
 * (sigmaMax^(1/rho) + i/(n-1) (sigmaMin^(1/rho) - sigmaMax^(1/rho)))^rho, worked out in double precision and
 * rounded to single, as diffusers' EulerDiscreteScheduler does. Errors: `invalid-argument`.
 */
export function karrasSigmas({
  numInferenceSteps: n,
  sigmaMin = 0.002,
  sigmaMax = 700,
  rho = 7,
}: KarrasSchedule): number[] {
  if (!Number.isInteger(n) || n < 1)
    throw new AidError('invalid-argument', `numInferenceSteps: expected a whole number from 1, got ${n}`);
  if (!(sigmaMin > 0 && sigmaMax > sigmaMin && Number.isFinite(sigmaMax)))
    throw new AidError(
      'invalid-argument',
      `sigmas: expected 0 < sigmaMin < sigmaMax, got ${sigmaMin} and ${sigmaMax}`,
    );
  if (!(rho > 0)) throw new AidError('invalid-argument', `rho: expected a positive number, got ${rho}`);
  const [low, high] = [sigmaMin ** (1 / rho), sigmaMax ** (1 / rho)];
  const ramp = (i: number): number => (n === 1 ? 0 : i / (n - 1));
  return [...Array.from({ length: n }, (_, i) => Math.fround((high + ramp(i) * (low - high)) ** rho)), 0];
}

/** Standard normal noise times this is where sampling starts: sqrt(sigmaMax^2 + 1), as SVD's scheduler has it. */
export function initialNoiseScale(sigmas: readonly number[]): number {
  return Math.sqrt((sigmas[0] ?? 0) ** 2 + 1);
}

/**
 * Where sampling starts: mean + sqrt(sigmaMax^2 + 1) noise. `mean`: of the data, as the preconditioning has it, 0
 * unless said otherwise.
 */
export function initialLatents(
  noise: Float32Array,
  sigmas: readonly number[],
  mean?: Float32Array,
): Float32Array {
  const scale = initialNoiseScale(sigmas);
  const latents = new Float32Array(noise.length);
  for (let i = 0; i < noise.length; i++) latents[i] = (mean?.[i] ?? 0) + scale * (noise[i] as number);
  return latents;
}
