/** Resizing as the published video distances do it: bilinear, corners not aligned, never antialiased. */
import type { Frame } from '../../conditioning/frame.js';

/** [3, height, width], 0 to 255. */
export interface Planes {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** torch's `interpolate(mode='bilinear', align_corners=False)`. */
export function resizeBilinear(frame: Frame, width: number, height: number): Planes {
  const columns = taps(frame.width, width);
  const rows = taps(frame.height, height);
  const data = new Float32Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const { low: top, high: bottom, share: down } = rows[y] as Tap;
    for (let x = 0; x < width; x++) {
      const { low: left, high: right, share: across } = columns[x] as Tap;
      for (let channel = 0; channel < 3; channel++) {
        const at = (row: number, column: number): number =>
          frame.data[(row * frame.width + column) * 3 + channel] as number;
        const above = at(top, left) * (1 - across) + at(top, right) * across;
        const below = at(bottom, left) * (1 - across) + at(bottom, right) * across;
        data[(channel * height + y) * width + x] = above * (1 - down) + below * down;
      }
    }
  }
  return { width, height, data };
}

/** The middle `size` x `size`; an odd pixel too many is cut at the right and the bottom. */
export function centreCrop({ width, height, data }: Planes, size: number): Planes {
  const [left, top] = [(width - size) >> 1, (height - size) >> 1];
  const cropped = new Float32Array(3 * size * size);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < size; y++) {
      const from = (channel * height + top + y) * width + left;
      cropped.set(data.subarray(from, from + size), (channel * size + y) * size);
    }
  }
  return { width: size, height: size, data: cropped };
}

interface Tap {
  readonly low: number;
  readonly high: number;
  /** Of `high`. */
  readonly share: number;
}

function taps(from: number, to: number): Tap[] {
  return Array.from({ length: to }, (_, i) => {
    const at = Math.max(((i + 0.5) * from) / to - 0.5, 0);
    const low = Math.min(Math.floor(at), from - 1);
    return { low, high: Math.min(low + 1, from - 1), share: at - low };
  });
}
