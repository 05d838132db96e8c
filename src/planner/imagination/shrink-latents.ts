import type { PreviewDownscale } from './request.js';

/** The mean of each `downscale` x `downscale` block, which must divide them: latents [C,h,w] of a smaller picture. */
export function shrinkLatents(
  latents: Float32Array,
  [channels, height, width]: readonly [channels: number, height: number, width: number],
  downscale: PreviewDownscale,
): Float32Array {
  if (downscale === 1) return latents;
  const [h, w] = [height / downscale, width / downscale];
  const small = new Float32Array(channels * h * w);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const to = (c * h + Math.floor(y / downscale)) * w + Math.floor(x / downscale);
        small[to] =
          (small[to] as number) + (latents[(c * height + y) * width + x] as number) / downscale ** 2;
      }
  return small;
}
