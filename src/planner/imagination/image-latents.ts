import { AidError } from '../errors.js';

/**
 * The frame condition (design of AID, sec. 3.2): the n given frames' latents in their places, then zeros or the
 * last one again. given [n, ...] -> [F, ...]; `size` numbers each.
 */
export function imageLatents(
  given: readonly Float32Array[],
  numFrames: number,
  size: number,
  fill: 'zeros' | 'repeat',
): Float32Array {
  checkGivenCount(given, numFrames);
  const latents = new Float32Array(numFrames * size);
  for (let frame = 0; frame < numFrames; frame++) {
    const source = given[frame] ?? (fill === 'repeat' ? given.at(-1) : undefined);
    if (source !== undefined) latents.set(source, frame * size);
  }
  return latents;
}

/** Errors: `invalid-argument` for more given frames than the clip has. */
export function checkGivenCount({ length }: readonly unknown[], numFrames: number): void {
  if (length > numFrames)
    throw new AidError('invalid-argument', `frames: expected at most the clip's ${numFrames}, got ${length}`);
}
