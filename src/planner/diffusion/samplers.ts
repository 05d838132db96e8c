/**
 * Samplers of the probability-flow ODE dx/dsigma = (x - D(x, sigma)) / sigma, from noise at the first sigma to
 * data at the last. Each is a generator of its steps; none draws a random number.
 */
import { AidError, throwIfAborted } from '../errors.js';
import type { Denoise } from './denoise.js';

export interface SamplerStep {
  /** Counts from 1. */
  readonly step: number;
  readonly sigma: number;
  readonly sigmaNext: number;
  /** The state at sigmaNext, an array of its own. */
  readonly x: Float32Array;
  /** D(x, sigma) at the start of the step: what the clip would be if the noise were removed at once. */
  readonly denoised: Float32Array;
}

export interface SamplerOptions {
  /** Looked at before each evaluation of the network. */
  readonly abortSignal?: AbortSignal;
}

/**
 * Takes `x`, which carries noise of deviation `sigmas[0]`, through all `sigmas`, which fall and may end at 0.
 * Errors: `aborted`, `invalid-argument`, and whatever `denoise` rejects with.
 */
export type Sampler = (
  denoise: Denoise,
  x: Float32Array,
  sigmas: readonly number[],
  options?: SamplerOptions,
) => AsyncGenerator<SamplerStep, void, undefined>;

/** Euler's method, one evaluation a step: SVD's sampler. */
export const euler: Sampler = async function* (denoise, x, sigmas, options) {
  for (const { step, sigma, sigmaNext } of stepsOf(sigmas)) {
    const denoised = await evaluate(denoise, x, sigma, options);
    x = towards(x, denoised, sigmaNext / sigma);
    yield { step, sigma, sigmaNext, x, denoised };
  }
};

/** Heun's method (arXiv 2206.00364, Alg. 1): second order, two evaluations a step but for one to sigma 0. */
export const heun: Sampler = async function* (denoise, x, sigmas, options) {
  for (const { step, sigma, sigmaNext } of stepsOf(sigmas)) {
    const denoised = await evaluate(denoise, x, sigma, options);
    const predicted = towards(x, denoised, sigmaNext / sigma);
    if (sigmaNext === 0) {
      x = predicted;
    } else {
      const corrected = await evaluate(denoise, predicted, sigmaNext, options);
      // x + (sigma' - sigma) (d + d') / 2, with d the slope here and d' the slope at the prediction.
      const next = new Float32Array(x.length);
      for (let i = 0; i < x.length; i++) {
        const value = x[i] as number;
        const d = (value - (denoised[i] as number)) / sigma;
        const dNext = ((predicted[i] as number) - (corrected[i] as number)) / sigmaNext;
        next[i] = value + ((sigmaNext - sigma) * (d + dNext)) / 2;
      }
      x = next;
    }
    yield { step, sigma, sigmaNext, x, denoised };
  }
};

/**
 * DPM-Solver++(2M) (arXiv 2211.01095, Alg. 2, data prediction) on sigmas: second order at one evaluation a
 * step, by what the step before saw.
 */
export const dpmPlusPlus2M: Sampler = async function* (denoise, x, sigmas, options) {
  let before: { readonly denoised: Float32Array; readonly lambda: number } | undefined;
  for (const { step, sigma, sigmaNext } of stepsOf(sigmas)) {
    const denoised = await evaluate(denoise, x, sigma, options);
    const lambda = -Math.log(sigma);
    let target = denoised;
    if (before !== undefined && sigmaNext > 0) {
      const h = -Math.log(sigmaNext) - lambda;
      const r = (lambda - before.lambda) / h;
      const old = before.denoised;
      target = new Float32Array(denoised.length);
      for (let i = 0; i < target.length; i++) {
        const value = denoised[i] as number;
        target[i] = value + (value - (old[i] as number)) / (2 * r);
      }
    }
    x = towards(x, target, sigmaNext / sigma);
    before = { denoised, lambda };
    yield { step, sigma, sigmaNext, x, denoised };
  }
};

/** The names that people know samplers by. */
export type SamplerName = 'euler' | 'heun' | 'dpm++2m';
export const samplers = { euler, heun, 'dpm++2m': dpmPlusPlus2M } as const satisfies Record<
  SamplerName,
  Sampler
>;

/** Evaluations of the network in so many steps to sigma 0: Heun's method looks twice in every step but the last. */
export function evaluationsOf(sampler: SamplerName, steps: number): number {
  return sampler === 'heun' ? Math.max(0, 2 * steps - 1) : steps;
}

/** What is left of the noise is scaled: target + ratio (x - target). With ratio sigma' / sigma, Euler's step. */
function towards(x: Float32Array, target: Float32Array, ratio: number): Float32Array {
  const moved = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const goal = target[i] as number;
    moved[i] = goal + ratio * ((x[i] as number) - goal);
  }
  return moved;
}

async function evaluate(
  denoise: Denoise,
  x: Float32Array,
  sigma: number,
  { abortSignal }: SamplerOptions = {},
): Promise<Float32Array> {
  throwIfAborted(abortSignal, 'sampler');
  const denoised = await denoise(x, sigma);
  if (denoised.length !== x.length) {
    throw new AidError(
      'invalid-argument',
      `sampler: expected ${x.length} denoised numbers, got ${denoised.length}`,
    );
  }
  return denoised;
}

function* stepsOf(sigmas: readonly number[]): Generator<Pick<SamplerStep, 'step' | 'sigma' | 'sigmaNext'>> {
  for (let i = 1; i < sigmas.length; i++) {
    const [sigma, sigmaNext] = [sigmas[i - 1] as number, sigmas[i] as number];
    if (!(sigma > sigmaNext && sigmaNext >= 0)) {
      throw new AidError(
        'invalid-argument',
        `sigmas: expected them to fall, got ${sigma}, then ${sigmaNext}`,
      );
    }
    yield { step: i, sigma, sigmaNext };
  }
}
