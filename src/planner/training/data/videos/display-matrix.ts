/** How the pictures of a video lie: a phone that is held upright writes them sideways, and a matrix beside them. */
import { endianness } from 'node:os';
import type { Frame } from '../../../conditioning/frame.js';

/** Of 1 in ffmpeg's fixed point numbers. */
const ONE = 65_536;

/** Where a picture's axes go, each -1, 0 or 1: x' = a x + c y, y' = b x + d y, with y downwards. */
export interface Turn {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/**
 * `matrix`: ffmpeg's side data, 3x3 numbers in rows. Undefined where pictures lie as they are shown.
 * Errors: for one that does more than quarter turns and mirroring.
 */
export function turnOf(matrix: Buffer): Turn | undefined {
  const read = (index: number): number =>
    (endianness() === 'LE' ? matrix.readInt32LE(4 * index) : matrix.readInt32BE(4 * index)) / ONE;
  // Rows of [a b u; c d v; x y w]; where the picture lies on the screen does not matter.
  const [a, b, c, d] = [read(0), read(1), read(3), read(4)] as const;
  const isUpright = Math.abs(a) === 1 && b === 0 && c === 0 && Math.abs(d) === 1;
  const isSideways = a === 0 && Math.abs(b) === 1 && Math.abs(c) === 1 && d === 0;
  if (!isUpright && !isSideways)
    throw new Error(
      `its pictures are to be shown turned by [${[a, b, c, d].map((value) => +value.toFixed(3)).join(' ')}], expected quarter turns`,
    );
  return a === 1 && d === 1 ? undefined : { a, b, c, d };
}

export function turned({ width, height, data }: Frame, { a, b, c, d }: Turn): Frame {
  const size = a === 0 ? { width: height, height: width } : { width, height };
  // What is left or above of the first pixel goes to the other end.
  const [left, top] = [Math.min(a, c) < 0 ? size.width - 1 : 0, Math.min(b, d) < 0 ? size.height - 1 : 0];
  const shown = new Uint8Array(data.length);
  for (let y = 0, from = 0; y < height; y++)
    for (let x = 0; x < width; x++, from += 3) {
      const to = 3 * ((top + b * x + d * y) * size.width + left + a * x + c * y);
      shown.set(data.subarray(from, from + 3), to);
    }
  return { ...size, data: shown };
}
