/** How alike two pictures or two clips are. On 8-bit frames: what is compared is what people see. */
import type { Frame } from '../conditioning/frame.js';
import { AidError } from '../errors.js';

const PEAK = 255;

/** Mean squared difference of all pixels and colours of two clips. Errors: `invalid-argument`. */
export function meanSquaredError(a: readonly Frame[], b: readonly Frame[]): number {
  checkAlike(a, b);
  let sum = 0;
  let count = 0;
  for (const [index, { data }] of a.entries()) {
    const other = (b[index] as Frame).data;
    for (let i = 0; i < data.length; i++) {
      const difference = (data[i] as number) - (other[i] as number);
      sum += difference * difference;
    }
    count += data.length;
  }
  return sum / count;
}

/** Peak signal-to-noise ratio, dB, from a mean squared error of 8-bit numbers: 10 log10(255^2 / mse), infinite for 0. */
export function decibels(meanSquared: number): number {
  return 10 * Math.log10(PEAK ** 2 / meanSquared);
}

/** Structural similarity of a clip: the mean of its frames' `frameSsim`. Errors: `invalid-argument`. */
export function ssim(a: readonly Frame[], b: readonly Frame[]): number {
  checkAlike(a, b);
  return a.reduce((sum, frame, index) => sum + frameSsim(frame, b[index] as Frame), 0) / a.length;
}

const WINDOW = 7;
const C1 = (0.01 * PEAK) ** 2;
const C2 = (0.03 * PEAK) ** 2;

/**
 * Structural similarity of two pictures (Wang et al. 2004) as scikit-image's `structural_similarity` works it
 * out with `data_range=255, channel_axis=-1`: means and sample covariances over 7x7 windows of equal weight, averaged
 * over the windows that lie inside the picture, then over the colours. Errors: `invalid-argument`.
 */
export function frameSsim(a: Frame, b: Frame): number {
  checkAlike([a], [b]);
  const { width, height } = a;
  if (Math.min(width, height) < WINDOW)
    throw new AidError(
      'invalid-argument',
      `ssim: expected sides of at least ${WINDOW}, got ${width}x${height}`,
    );
  let sum = 0;
  for (let channel = 0; channel < 3; channel++) sum += channelSsim(a, b, channel);
  return sum / 3;
}

/** Sums over a window: x, y, x^2, y^2, xy. Whole numbers, so adding and taking away is exact. */
const SUMS = 5;

function channelSsim({ data: x, width, height }: Frame, { data: y }: Frame, channel: number): number {
  // Per column, the sums over the WINDOW rows in view.
  const columns = new Float64Array(width * SUMS);
  const addRow = (row: number, sign: 1 | -1): void => {
    for (let column = 0; column < width; column++) {
      const i = (row * width + column) * 3 + channel;
      addTo(columns, column * SUMS, x[i] as number, y[i] as number, sign);
    }
  };
  const window = new Float64Array(SUMS);
  const addColumn = (column: number, sign: 1 | -1): void => {
    for (let k = 0; k < SUMS; k++)
      window[k] = (window[k] as number) + sign * (columns[column * SUMS + k] as number);
  };
  let total = 0;
  for (let row = 0; row < height; row++) {
    addRow(row, 1);
    if (row >= WINDOW) addRow(row - WINDOW, -1);
    if (row < WINDOW - 1) continue;
    window.fill(0);
    for (let column = 0; column < width; column++) {
      addColumn(column, 1);
      if (column >= WINDOW) addColumn(column - WINDOW, -1);
      if (column >= WINDOW - 1) total += similarity(window);
    }
  }
  return total / ((width - WINDOW + 1) * (height - WINDOW + 1));
}

function addTo(sums: Float64Array, at: number, x: number, y: number, sign: 1 | -1): void {
  sums[at] = (sums[at] as number) + sign * x;
  sums[at + 1] = (sums[at + 1] as number) + sign * y;
  sums[at + 2] = (sums[at + 2] as number) + sign * x * x;
  sums[at + 3] = (sums[at + 3] as number) + sign * y * y;
  sums[at + 4] = (sums[at + 4] as number) + sign * x * y;
}

/** (2 mx my + C1)(2 vxy + C2) / ((mx^2 + my^2 + C1)(vx + vy + C2)) */
function similarity(sums: Float64Array): number {
  const n = WINDOW * WINDOW;
  const [mx, my] = [(sums[0] as number) / n, (sums[1] as number) / n];
  const covariance = (product: number, a: number, b: number): number => (product / n - a * b) * (n / (n - 1));
  const vx = covariance(sums[2] as number, mx, mx);
  const vy = covariance(sums[3] as number, my, my);
  const vxy = covariance(sums[4] as number, mx, my);
  return ((2 * mx * my + C1) * (2 * vxy + C2)) / ((mx * mx + my * my + C1) * (vx + vy + C2));
}

function checkAlike(a: readonly Frame[], b: readonly Frame[]): void {
  const sizes = (frames: readonly Frame[]): string =>
    `${frames.length} frames of ${[...new Set(frames.map(({ width, height }) => `${width}x${height}`))].join(' and ')}`;
  const alike = a.every(({ width, height }, i) => width === b[i]?.width && height === b[i]?.height);
  if (a.length === 0 || a.length !== b.length || !alike)
    throw new AidError(
      'invalid-argument',
      `frames: expected two clips alike, got ${sizes(a)} and ${sizes(b)}`,
    );
}
