import { AidError } from '../errors.js';
import { imageLatents } from './image-latents.js';

/**
 * The mean of a clip's scaled latents where it is taken from the given frames (`data_mean: 'frame'`): their own, then
 * the last one's, [F, ...]. given [n, ...], not scaled.
 */
export function dataMean(
  given: readonly Float32Array[],
  numFrames: number,
  scalingFactor: number,
): Float32Array {
  const [first] = given;
  if (first === undefined) throw new AidError('invalid-argument', 'frames: expected at least one');
  return imageLatents(given, numFrames, first.length, 'repeat').map((value) => value * scalingFactor);
}
