/** The square that moves over the table in the clips of `test/fixtures/recordings/make_samples.py`. */
import type { Frame } from '#planner/conditioning/frame.js';

/** Pixels: of the picture's width and of the square. */
export const [WIDTH, SIDE] = [64, 10];

/** Where its centre is at the share `t` of its way. */
export const centreAt = (t: number): number => Math.round(t * (WIDTH - SIDE)) + (SIDE - 1) / 2;

/** The centre of what differs from the table at the square's height, and the colour there. */
export function square({ data, width }: Frame): { x: number; colour: number[] } {
  const pixels = Array.from({ length: width }, (_, x) => [
    ...data.subarray((25 * width + x) * 3, (25 * width + x) * 3 + 3),
  ]);
  const inside = [...pixels.keys()].filter((x) => {
    const [red = 0, green = 0, blue = 0] = pixels[x] as number[];
    return Math.abs(red - 150) + Math.abs(green - 120) + Math.abs(blue - 90) > 90;
  });
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return { x: mean(inside), colour: pixels[inside[inside.length >> 1] as number] as number[] };
}
