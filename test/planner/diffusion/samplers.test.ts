import { describe, expect, it } from 'vitest';
import type { Denoise } from '#planner/diffusion/denoise.js';
import { type Sampler, type SamplerName, type SamplerStep, samplers } from '#planner/diffusion/samplers.js';
import { initialLatents, initialNoiseScale, karrasSigmas } from '#planner/diffusion/schedule.js';
import { Random } from '#planner/random.js';
import { exactRatio, gaussianDenoiser } from './gaussian.js';

const SD = 0.5;

async function lastOf(steps: AsyncIterable<SamplerStep>): Promise<Float32Array> {
  let last = new Float32Array();
  for await (const { x } of steps) last = x as Float32Array<ArrayBuffer>;
  return last;
}

function deviation(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** Relative error of `numInferenceSteps - 1` steps between two noise levels, where the exact solution is known. */
async function errorAt(sampler: Sampler, numInferenceSteps: number): Promise<number> {
  const sigmas = karrasSigmas({ numInferenceSteps, sigmaMin: 0.1, sigmaMax: 10 }).slice(0, -1);
  const [x] = await lastOf(sampler(gaussianDenoiser(SD), Float32Array.of(1), sigmas));
  return Math.abs((x ?? Number.NaN) / exactRatio(SD, 10, 0.1) - 1);
}

describe.each(Object.entries(samplers) as [SamplerName, Sampler][])('sampler %s', (name, sampler) => {
  it('arrives at the deviation of Gaussian data', async () => {
    const sigmas = karrasSigmas({ numInferenceSteps: 64 });
    const scale = initialNoiseScale(sigmas);
    const noise = new Random(1).normals(4096).map((value) => scale * value);
    const x = await lastOf(sampler(gaussianDenoiser(SD), noise, sigmas));
    expect(deviation(x)).toBeCloseTo(SD, name === 'euler' ? 1 : 2);
  });

  it('arrives at the mean of Gaussian data about a mean, however little noise there is', async () => {
    const [mean, sigmas] = [5, karrasSigmas({ numInferenceSteps: 64, sigmaMin: 0.1, sigmaMax: 1 })];
    const means = new Float32Array(4096).fill(mean);
    const about = gaussianDenoiser(1);
    const denoise: Denoise = async (x, sigma) =>
      (
        await about(
          x.map((value) => value - mean),
          sigma,
        )
      ).map((value) => value + mean);
    const start = initialLatents(new Random(1).normals(4096), sigmas, means);
    const x = await lastOf(sampler(denoise, start, sigmas));
    expect(x.reduce((sum, value) => sum + value, 0) / x.length).toBeCloseTo(mean, 1);
    expect(deviation(x.map((value) => value - mean))).toBeCloseTo(1, 1);
  });

  it('converges with its order', async () => {
    const [coarse, fine] = [await errorAt(sampler, 65), await errorAt(sampler, 129)];
    const order = Math.log2(coarse / fine);
    expect(order).toBeCloseTo(name === 'euler' ? 1 : 2, 0);
  });

  it('ends exactly at what was denoised last', async () => {
    const steps: SamplerStep[] = [];
    for await (const step of sampler(gaussianDenoiser(SD), Float32Array.of(3), [2, 1, 0])) steps.push(step);
    expect(steps.map(({ step, sigma, sigmaNext }) => [step, sigma, sigmaNext])).toEqual([
      [1, 2, 1],
      [2, 1, 0],
    ]);
    expect(steps[1]?.x).toEqual(steps[1]?.denoised);
  });

  it('evaluates the network once a step, heun twice but for the last', async () => {
    let evaluations = 0;
    const denoise = gaussianDenoiser(SD);
    await lastOf(
      sampler(
        (x, sigma) => {
          evaluations++;
          return denoise(x, sigma);
        },
        Float32Array.of(1),
        karrasSigmas({ numInferenceSteps: 5 }),
      ),
    );
    expect(evaluations).toBe(name === 'heun' ? 9 : 5);
  });

  it('leaves its input and what it has yielded alone', async () => {
    const x = Float32Array.of(1, -2);
    const seen: [Float32Array, number[]][] = [];
    for await (const step of sampler(gaussianDenoiser(SD), x, [3, 2, 1, 0]))
      seen.push([step.x, Array.from(step.x)]);
    expect(Array.from(x)).toEqual([1, -2]);
    for (const [now, then] of seen) expect(Array.from(now)).toEqual(then);
  });

  it('stops between evaluations when aborted', async () => {
    const controller = new AbortController();
    let evaluations = 0;
    const denoise = gaussianDenoiser(SD);
    const run = lastOf(
      sampler(
        (x, sigma) => {
          if (++evaluations === 2) controller.abort(new Error('enough'));
          return denoise(x, sigma);
        },
        Float32Array.of(1),
        karrasSigmas({ numInferenceSteps: 10 }),
        { abortSignal: controller.signal },
      ),
    );
    await expect(run).rejects.toMatchObject({ code: 'aborted', cause: new Error('enough') });
    expect(evaluations).toBe(2);
  });

  it('refuses sigmas that do not fall and denoised data of another size', async () => {
    const x = Float32Array.of(1);
    await expect(lastOf(sampler(gaussianDenoiser(SD), x, [1, 1, 0]))).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    await expect(lastOf(sampler(async () => new Float32Array(2), x, [1, 0]))).rejects.toMatchObject({
      code: 'invalid-argument',
      message: 'sampler: expected 1 denoised numbers, got 2',
    });
  });
});

describe('few steps', () => {
  it('are better spent by the second-order sampler that evaluates once a step', async () => {
    expect(await errorAt(samplers['dpm++2m'], 9)).toBeLessThan(0.25 * (await errorAt(samplers.euler, 9)));
  });
});
