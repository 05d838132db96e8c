/**
 * Everything that a sampler knows of a network: the clean data expected behind x, which carries noise of
 * deviation sigma. `x` must not be written to or kept.
 */
export type Denoise = (x: Float32Array, sigma: number) => Promise<Float32Array>;
