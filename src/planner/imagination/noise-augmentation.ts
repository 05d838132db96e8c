import { Random } from '../random.js';
import { inTurns } from '../turns.js';

/** Any number that no clip's own noise begins with. */
const STREAM = 0x6175676d;

/**
 * Pixels of a given frame, -1 to 1, with the noise that SVD adds before its autoencoder, not CLIP, sees them (arXiv
 * 2311.15127, as diffusers' pipeline does): pixels + deviation * noise. It follows from the frame's place among the
 * given ones alone, so that one observation serves clips of every seed.
 */
export async function augmented(
  pixels: Float32Array,
  deviation: number,
  place: number,
): Promise<Float32Array> {
  if (deviation === 0) return pixels;
  const noise = await inTurns(new Random(STREAM, place).normalsInSteps(pixels.length));
  for (let i = 0; i < noise.length; i++) noise[i] = (pixels[i] as number) + deviation * (noise[i] as number);
  return noise;
}
