/** Resizing by weighted sums along one axis after the other, without blocking the event loop for long. */
import { takingTurns } from '../turns.js';

/** What each output position of an axis takes from the input: `taps` neighbours from `starts[i]` on. */
export interface AxisWeights {
  readonly starts: Int32Array;
  readonly taps: number;
  /** [outputs, taps] */
  readonly weights: Float64Array;
}

/**
 * Resizes interleaved pixels [height, width, channels], rows first, to [outputs of vertical, outputs of
 * horizontal, channels]. With `rounded`, each of the two passes ends in whole numbers of 0 to 255, as in Pillow (to
 * version 12; 13 begins with the columns of some tall pictures).
 */
export async function resample(
  pixels: Uint8Array,
  { width, height, channels }: { width: number; height: number; channels: number },
  { horizontal, vertical, rounded }: { horizontal: AxisWeights; vertical: AxisWeights; rounded: boolean },
): Promise<Float32Array> {
  const outWidth = horizontal.starts.length;
  const outHeight = vertical.starts.length;
  const finish = rounded ? (sum: number) => Math.min(255, Math.max(0, Math.floor(sum + 0.5))) : undefined;
  const rest = takingTurns();

  // [height, width, C] -> [height, outWidth, C], only the rows that the second pass reads
  const firstRow = vertical.starts.reduce((a, b) => Math.min(a, b), height);
  const lastRow = vertical.starts.reduce((a, b) => Math.max(a, b), 0) + vertical.taps;
  const narrow = new Float32Array(height * outWidth * channels);
  for (let y = firstRow; y < lastRow; y++) {
    for (let x = 0; x < outWidth; x++) {
      for (let c = 0; c < channels; c++) {
        const from = (y * width + (horizontal.starts[x] as number)) * channels + c;
        let sum = 0;
        for (let tap = 0; tap < horizontal.taps; tap++)
          sum +=
            (horizontal.weights[x * horizontal.taps + tap] as number) *
            (pixels[from + tap * channels] as number);
        narrow[(y * outWidth + x) * channels + c] = finish ? finish(sum) : sum;
      }
    }
    await rest();
  }

  // [height, outWidth, C] -> [outHeight, outWidth, C]
  const row = outWidth * channels;
  const output = new Float32Array(outHeight * row);
  for (let y = 0; y < outHeight; y++) {
    const from = (vertical.starts[y] as number) * row;
    for (let i = 0; i < row; i++) {
      let sum = 0;
      for (let tap = 0; tap < vertical.taps; tap++)
        sum +=
          (vertical.weights[y * vertical.taps + tap] as number) * (narrow[from + tap * row + i] as number);
      output[y * row + i] = finish ? finish(sum) : sum;
    }
    await rest();
  }
  return output;
}

/**
 * Pillow's antialiased bicubic (a = -0.5, support widened by the scale, weights of 22 bits) to `size` positions,
 * of which `count` from `first` on are kept. Source: Pillow's Resample.c, precompute_coeffs and 8bpc.
 */
export function pillowBicubic(length: number, size: number, first = 0, count = size): AxisWeights {
  const scale = length / size;
  const stretch = Math.max(scale, 1);
  const support = 2 * stretch;
  return axisWeights(length, count, (position, take) => {
    const center = (first + position + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(length, Math.trunc(center + support + 0.5));
    const raw = Array.from({ length: end - start }, (_, i) =>
      cubic((start + i - center + 0.5) / stretch, -0.5),
    );
    const total = raw.reduce((a, b) => a + b, 0);
    const one = 2 ** 22;
    for (const [i, weight] of raw.entries()) {
      const fixed = (weight / total) * one;
      take(start + i, Math.trunc(fixed + (fixed < 0 ? -0.5 : 0.5)) / one);
    }
  });
}

/**
 * The SVD pipeline's antialiased resize: a Gaussian blur (sigma (scale - 1) / 2, an odd kernel of about 4 sigma,
 * reflected borders), then PyTorch's bicubic with aligned corners (a = -0.75), as one set of weights.
 * Source: diffusers, pipeline_stable_video_diffusion.py, `_resize_with_antialiasing`.
 */
export function blurredBicubic(length: number, size: number): AxisWeights {
  const sigma = Math.max((length / size - 1) / 2, 0.001);
  const whole = Math.trunc(Math.max(4 * sigma, 3));
  const taps = whole % 2 === 0 ? whole + 1 : whole;
  const raw = Array.from({ length: taps }, (_, i) =>
    Math.exp(-((i - (taps - 1) / 2) ** 2) / (2 * sigma ** 2)),
  );
  const total = raw.reduce((a, b) => a + b, 0);
  const reflect = (at: number): number => {
    const positive = Math.abs(at);
    return positive < length ? positive : 2 * (length - 1) - positive;
  };
  // PyTorch computes the position in single precision.
  const scale = size > 1 ? Math.fround((length - 1) / (size - 1)) : 0;
  return axisWeights(length, size, (position, take) => {
    const at = Math.fround(position * scale);
    const floor = Math.floor(at);
    for (let neighbour = -1; neighbour <= 2; neighbour++) {
      const pixel = Math.min(length - 1, Math.max(0, floor + neighbour));
      const weight = cubic(at - floor - neighbour, -0.75) / total;
      for (let i = 0; i < taps; i++) take(reflect(pixel + i - (taps - 1) / 2), weight * (raw[i] as number));
    }
  });
}

/** Keys' cubic convolution kernel. */
function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
  return 0;
}

/** Collects what each output takes, (place, weight) pairs in any order, into runs of one length. */
function axisWeights(
  length: number,
  outputs: number,
  visit: (position: number, take: (place: number, weight: number) => void) => void,
): AxisWeights {
  const starts = new Int32Array(outputs).fill(length);
  let taps = 1;
  for (let position = 0; position < outputs; position++) {
    let last = 0;
    visit(position, (place) => {
      starts[position] = Math.min(starts[position] as number, place);
      last = Math.max(last, place);
    });
    taps = Math.max(taps, last - (starts[position] as number) + 1);
  }
  const weights = new Float64Array(outputs * taps);
  for (let position = 0; position < outputs; position++) {
    // Runs are of one length and stay inside the axis.
    const start = Math.min(starts[position] as number, length - taps);
    starts[position] = start;
    visit(position, (place, weight) => {
      const index = position * taps + place - start;
      weights[index] = (weights[index] as number) + weight;
    });
  }
  return { starts, taps, weights };
}
