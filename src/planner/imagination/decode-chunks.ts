/** How many of a clip's frames the autoencoder decodes at once: at large sizes all of them take too much memory. */
import type { ClipGeometry } from './graphs.js';
import type { Networks } from './networks.js';

/** Of the decoder's activations, where the model does not say how many frames it takes at once. */
const MOST_BYTES = 8e9;
/** Floats alive at once for each of the outermost level's, measured with this project's own estimate of the graph. */
const ALIVE = 6;

/**
 * The frames of each run of the decoder, in order; together those of the clip. As in diffusers' pipeline
 * (`decode_chunk_size`) each is decoded as a clip of its own, so frames of two of them do not see one another.
 */
export function decodeChunks({ aid, vae }: Pick<Networks, 'aid' | 'vae'>, geometry: ClipGeometry): number[] {
  const { numFrames, width, height } = geometry;
  const [channels = 1] = vae.block_out_channels;
  const frameBytes = (4 * ALIVE * channels * width * height) / vae.patch_size ** 2;
  const most = aid.video.decode_chunk_size ?? Math.max(1, Math.floor(MOST_BYTES / frameBytes));
  const chunks: number[] = [];
  for (let left = numFrames; left > 0; left -= most) chunks.push(Math.min(most, left));
  return chunks;
}
