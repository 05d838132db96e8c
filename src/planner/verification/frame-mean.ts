/** Preconditioning about the given frame, in cases of denoising. */
import { z } from 'zod';
import { dataMean } from '../imagination/data-mean.js';
import { joined } from '../joined.js';
import type { FloatTensor } from '../runtime/tensor.js';

/** A case's own key: what the latents' mean is taken to be. */
export const DATA_MEAN = z.enum(['zero', 'frame']).default('zero');

/** The mean of clips with one given frame, [B, F, ...], from their frame latents, which are as the clean ones are. */
export function frameMean({ dims, data }: FloatTensor): Float32Array {
  const [batch = 1, frames = 1] = dims;
  const size = data.length / (batch * frames);
  const clips = Array.from({ length: batch }, (_, clip) => {
    const first = data.subarray(clip * frames * size, (clip * frames + 1) * size);
    return dataMean([first], frames, 1);
  });
  return joined(clips);
}
