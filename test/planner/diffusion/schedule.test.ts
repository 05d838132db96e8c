import { describe, expect, it } from 'vitest';
import { initialNoiseScale, karrasSigmas } from '#planner/diffusion/schedule.js';

describe('karrasSigmas', () => {
  it("falls from sigmaMax to sigmaMin, then to 0, as SVD's scheduler in diffusers", () => {
    // EulerDiscreteScheduler of diffusers 0.42.1 with SVD's config, set_timesteps(5).
    const expected = [
      700, 134.8544464111328, 15.589967727661133, 0.6781460046768188, 0.0020000000949949026, 0,
    ];
    const sigmas = karrasSigmas({ numInferenceSteps: 5 });
    expect(sigmas).toHaveLength(expected.length);
    sigmas.forEach((sigma, i) => {
      expect(Math.abs(sigma - (expected[i] as number))).toBeLessThanOrEqual(1e-7 * sigma);
    });
    expect(initialNoiseScale(sigmas)).toBeCloseTo(700.000732421875, 3);
  });

  it('starts and ends where SVD does', () => {
    const sigmas = karrasSigmas({ numInferenceSteps: 25 });
    expect(sigmas).toHaveLength(26);
    expect(sigmas[0]).toBeCloseTo(700, 3);
    expect(sigmas[24]).toBeCloseTo(0.002, 8);
    expect(sigmas[25]).toBe(0);
    expect(initialNoiseScale(sigmas)).toBeCloseTo(Math.sqrt(700 ** 2 + 1), 3);
  });

  it('takes one step from sigmaMax', () => {
    expect(karrasSigmas({ numInferenceSteps: 1 })).toEqual([expect.closeTo(700, 3), 0]);
  });

  it('refuses steps and levels that make no schedule', () => {
    for (const bad of [
      { numInferenceSteps: 0 },
      { numInferenceSteps: 2.5 },
      { numInferenceSteps: 4, sigmaMin: 0 },
      { numInferenceSteps: 4, sigmaMax: Number.POSITIVE_INFINITY },
      { numInferenceSteps: 4, rho: 0 },
    ]) {
      expect(() => karrasSigmas(bad)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    }
  });
});
