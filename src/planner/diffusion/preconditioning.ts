/**
 * Preconditioning of the network, EDM's (arXiv 2206.00364, Eq. 7) with the coefficients that SVD was trained
 * with (v-prediction, sigma_data 1): D(x, sigma) = c_skip x + c_out F(c_in x, c_noise). They take the data to have
 * mean 0; where it is known to have another mean mu: D(x, sigma) = mu + c_skip (x - mu) + c_out F(c_in (x - mu), c_noise).
 */
import type { Denoise } from './denoise.js';

export interface Preconditioning {
  readonly cSkip: number;
  readonly cOut: number;
  readonly cIn: number;
  /** What the network is told of the noise level: the UNet's timestep. */
  readonly cNoise: number;
}

export function precondition(sigma: number): Preconditioning {
  const s2plus1 = sigma ** 2 + 1;
  const root = Math.sqrt(s2plus1);
  return { cSkip: 1 / s2plus1, cOut: -sigma / root, cIn: 1 / root, cNoise: Math.log(sigma) / 4 };
}

/** F(c_in x, c_noise), the bare network. */
export type Network = (scaled: Float32Array, cNoise: number) => Promise<Float32Array>;

/** D of F. `mean`: of the data, 0 unless said otherwise. */
export function preconditioned(network: Network, mean?: Float32Array): Denoise {
  return async (x, sigma) => {
    const { cSkip, cOut, cIn, cNoise } = precondition(sigma);
    const scaled = new Float32Array(x.length);
    for (let i = 0; i < x.length; i++) scaled[i] = cIn * ((x[i] as number) - (mean?.[i] ?? 0));
    const F_x = await network(scaled, cNoise);
    const D_x = new Float32Array(x.length);
    for (let i = 0; i < x.length; i++) {
      const mu = mean?.[i] ?? 0;
      D_x[i] = mu + cSkip * ((x[i] as number) - mu) + cOut * (F_x[i] as number);
    }
    return D_x;
  };
}
