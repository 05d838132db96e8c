import type { Denoise } from '#planner/diffusion/denoise.js';

/** The denoiser of data that is normal with deviation `sd`: D(x, sigma) = x sd^2 / (sd^2 + sigma^2). */
export const gaussianDenoiser =
  (sd: number): Denoise =>
  async (x, sigma) =>
    x.map((value) => (value * sd ** 2) / (sd ** 2 + sigma ** 2));

/** How the exact solution of the flow scales x between two noise levels. */
export const exactRatio = (sd: number, from: number, to: number): number =>
  Math.sqrt((sd ** 2 + to ** 2) / (sd ** 2 + from ** 2));
