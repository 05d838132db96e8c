/** Sampling whose remaining steps may be planned anew after each one. */
import type { Denoise } from '../diffusion/denoise.js';
import { type SamplerOptions, samplers } from '../diffusion/samplers.js';
import { karrasSigmas } from '../diffusion/schedule.js';
import type { Sampling } from './request.js';

export interface DenoisingStep {
  /** Counts from 1. */
  readonly step: number;
  /** As planned now. */
  readonly steps: number;
  readonly sigma: number;
  /** The clip as it would be if the noise were removed at once; the clip itself, after the last step. */
  readonly denoised: Float32Array;
}

/**
 * Takes the noise through `sigmas`, which end at 0. `stepsToGo` is asked before and after a step is shown how many of
 * the remaining ones to take: with fewer, the levels from there on are spaced anew, and with none the clip is what the
 * last step foresaw. The levels visited, and 0, give the same clip again.
 */
export async function* denoising(
  denoise: Denoise,
  noise: Float32Array,
  sigmas: readonly number[],
  sampling: Pick<Sampling, 'sampler' | 'sigmaMin' | 'rho'>,
  stepsToGo: (planned: number, isShown: boolean) => number,
  options: SamplerOptions = {},
): AsyncGenerator<DenoisingStep, void, undefined> {
  // The sampler reads each level when it comes to it.
  const levels = [...sigmas];
  const fewer = (planned: number, isShown: boolean): number =>
    planned === 0 ? 0 : Math.min(planned, Math.max(0, stepsToGo(planned, isShown)));
  for await (const each of samplers[sampling.sampler](denoise, noise, levels, options)) {
    const { step, sigma, sigmaNext, denoised } = each;
    const planned = levels.length - 1 - step;
    const foreseen = fewer(planned, false);
    yield { step, steps: step + foreseen, sigma, denoised };
    const toGo = fewer(foreseen, true);
    if (toGo < planned) levels.splice(step + 1, planned, ...levelsAfter(sigmaNext, toGo, sampling));
  }
}

/** The levels of so many steps from `sigmaMax`, without it, and the 0 after them. */
function levelsAfter(
  sigmaMax: number,
  numInferenceSteps: number,
  { sigmaMin, rho }: Pick<Sampling, 'sigmaMin' | 'rho'>,
): number[] {
  if (numInferenceSteps === 0) return [];
  if (sigmaMax <= sigmaMin) return [0];
  return karrasSigmas({ numInferenceSteps, sigmaMin, sigmaMax, rho }).slice(1);
}
