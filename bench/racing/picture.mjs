// A picture that a camera could have taken, as far as the work on it goes.
import { Random } from '#planner/random.js';

/** @returns {import('#planner/conditioning/frame.js').Frame} */
export function picture(width, height, seed = 1) {
  const random = new Random(seed);
  const data = Uint8Array.from({ length: width * height * 3 }, () => random.below(256));
  return { width, height, data };
}
