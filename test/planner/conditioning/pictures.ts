import type { Frame } from '#planner/conditioning/frame.js';

/** A picture of smooth colours that follows from its size and seed. */
export function picture(width: number, height: number, seed = 0): Frame {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++, at++)
        data[at] = Math.round(127 + 90 * Math.sin((x * (c + 2) + y * 3) / 17 + seed + c));
  return { width, height, data };
}

/** A picture of seeded noise. */
export function noise(width: number, height: number, seed = 1): Frame {
  let state = seed >>> 0 || 1;
  const data = Uint8Array.from({ length: width * height * 3 }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 255;
  });
  return { width, height, data };
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(Number(a[i]) - Number(b[i])));
  return largest;
}
