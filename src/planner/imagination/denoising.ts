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
  /** The state after the step; the clip, after the last. */
  readonly x: Float32Array;
  /** The clip as it would be if the noise were removed at once. */
  readonly denoised: Float32Array;
}

/**
 * Takes the noise through `sigmas`. `stepsToGo` is asked after each step how many of the remaining ones to take: with
 * fewer, the levels from there on are spaced anew, and with none the clip is what the last step foresaw.
 */
export async function* denoising(
  denoise: Denoise,
  noise: Float32Array,
  sigmas: readonly number[],
  sampling: Pick<Sampling, 'sampler' | 'sigmaMin' | 'rho'>,
  stepsToGo: (planned: number) => number,
  options: SamplerOptions = {},
): AsyncGenerator<DenoisingStep, void, undefined> {
  let [x, levels, done] = [noise, sigmas, 0];
  while (levels.length > 1) {
    let next: readonly number[] = [];
    for await (const each of samplers[sampling.sampler](denoise, x, levels, options)) {
      const { step, sigma, sigmaNext, denoised } = each;
      const planned = levels.length - 1 - step;
      const toGo = planned === 0 ? 0 : Math.min(planned, Math.max(0, stepsToGo(planned)));
      done += 1;
      x = toGo === 0 && planned > 0 ? denoised : each.x;
      yield { step: done, steps: done + toGo, sigma, x, denoised };
      if (toGo === planned) continue;
      next = toGo === 0 ? [] : levelsFrom(sigmaNext, toGo, sampling);
      break;
    }
    levels = next;
  }
}

function levelsFrom(
  sigmaMax: number,
  numInferenceSteps: number,
  { sigmaMin, rho }: Pick<Sampling, 'sigmaMin' | 'rho'>,
): number[] {
  return sigmaMax > sigmaMin ? karrasSigmas({ numInferenceSteps, sigmaMin, sigmaMax, rho }) : [sigmaMax, 0];
}
