/** Pictures that a caller gives, before they are read. */
import { checkFrame, type Frame, isBytes } from '../conditioning/frame.js';
import { AidError, kindOf } from '../errors.js';

/** A frame, or the path or the bytes of a picture. */
export type GivenFrame = Frame | string | Uint8Array;

/** Errors: `invalid-argument`; `invalid-image` for a frame that is none. */
export function checkGivenFrames(frames: readonly GivenFrame[]): void {
  if (!Array.isArray(frames))
    throw new AidError('invalid-argument', `frames: expected a list of pictures, got ${kindOf(frames)}`);
  if (frames.length === 0) throw new AidError('invalid-argument', 'frames: expected at least one');
  for (const [index, given] of (frames as readonly GivenFrame[]).entries()) {
    if (isFrame(given)) checkFrame(given, `frames[${index}]`);
    else if (typeof given !== 'string' && !isBytes(given))
      throw new AidError(
        'invalid-argument',
        `frames[${index}]: expected a frame, or the path or bytes of a picture, got ${kindOf(given)}`,
      );
  }
}

export function isFrame(given: GivenFrame): given is Frame {
  return typeof given === 'object' && given !== null && 'width' in given;
}
