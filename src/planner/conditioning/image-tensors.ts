/** Frames to the networks' tensors and back. */
import { AidError } from '../errors.js';
import { type Frame, plainBytes, rawPixels } from './frame.js';
import { blurredBicubic, pillowBicubic, resample } from './resample.js';

/** How a frame is brought to another aspect ratio: cropped at the centre, set on black bars, or stretched. */
export type Fit = 'cover' | 'contain' | 'fill';

/**
 * A frame as the autoencoder takes it: [3, height, width], -1 to 1. Another size is made by libvips' Lanczos
 * kernel (3 lobes, antialiased when it gets smaller; bicubic when larger), rounded to 8 bits; the frame's own
 * size is left exactly as it is.
 */
export async function frameToPixels(
  frame: Frame,
  { width, height, fit }: { width: number; height: number; fit: Fit },
): Promise<Float32Array> {
  let { data } = frame;
  if (frame.width !== width || frame.height !== height) {
    const resized = rawPixels(frame).resize(width, height, { fit, kernel: 'lanczos3', background: '#000' });
    data = plainBytes(await resized.raw().toBuffer());
  }
  return planes(data, width * height, [127.5, 127.5, 127.5], [1, 1, 1]);
}

/**
 * The frame of [3, height, width] numbers of -1 to 1: clamped, then rounded to the nearest of 256 levels, as
 * diffusers does. Errors: `invalid-argument` for another length; `engine-failed` for a number that is not finite, as
 * only a network makes one.
 */
export function pixelsToFrame(pixels: Float32Array, width: number, height: number): Frame {
  const size = width * height;
  if (pixels.length !== size * 3)
    throw new AidError(
      'invalid-argument',
      `pixels: expected [3,${height},${width}], ${size * 3} numbers, got ${pixels.length}`,
    );
  // Uint8ClampedArray rounds half to even, as NumPy does.
  const data = new Uint8ClampedArray(size * 3);
  for (let channel = 0; channel < 3; channel++) {
    for (let i = 0; i < size; i++) {
      const value = pixels[channel * size + i] as number;
      if (!Number.isFinite(value))
        throw new AidError('engine-failed', `pixels: expected finite numbers, got ${value}`);
      data[i * 3 + channel] = (value + 1) * 127.5;
    }
  }
  return { width, height, data: new Uint8Array(data.buffer) };
}

/** A frame as the planner has it at that size: its centre, through `frameToPixels` and back to 8 bits. */
export async function fittedFrame(
  frame: Frame,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<Frame> {
  return pixelsToFrame(await frameToPixels(frame, { width, height, fit: 'cover' }), width, height);
}

/**
 * A frame as CLIP's vision tower takes it: [3, imageSize, imageSize], normalised by `mean` and `std` of 0 to 1.
 * - `clip`: transformers' CLIPImageProcessor: the shorter side to `shortestEdge` (imageSize unless said
 *   otherwise) by Pillow's bicubic, then the centre.
 * - `svd`: what the Stable Video Diffusion pipeline does instead: stretched to the square, after a blur.
 */
export async function clipPixels(
  frame: Frame,
  {
    imageSize,
    shortestEdge = imageSize,
    mean,
    std,
    resize,
  }: {
    imageSize: number;
    shortestEdge?: number;
    mean: readonly [number, number, number];
    std: readonly [number, number, number];
    resize: 'svd' | 'clip';
  },
): Promise<Float32Array> {
  if (shortestEdge < imageSize)
    throw new AidError(
      'invalid-argument',
      `shortestEdge: expected at least imageSize ${imageSize}, got ${shortestEdge}`,
    );
  const { width, height, data } = frame;
  const shorter = Math.min(width, height);
  const axis = (length: number) => {
    if (resize === 'svd') return blurredBicubic(length, imageSize);
    const resized = length === shorter ? shortestEdge : Math.trunc((shortestEdge * length) / shorter);
    return pillowBicubic(length, resized, Math.floor((resized - imageSize) / 2), imageSize);
  };
  // [H, W, 3] of 0 to 255 -> [imageSize, imageSize, 3]. The weights add up to 1, so the SVD pipeline's detour over
  // -1 to 1 changes nothing.
  const resized = await resample(
    data,
    { width, height, channels: 3 },
    { horizontal: axis(width), vertical: axis(height), rounded: resize === 'clip' },
  );
  // (value / 255 - mean) / std
  return planes(
    resized,
    imageSize * imageSize,
    std.map((deviation) => 255 * deviation),
    mean.map((value, channel) => value / (std[channel] as number)),
  );
}

/** [H, W, 3] -> [3, H, W]: each number divided by its channel's divisor, less its offset. */
function planes(
  interleaved: Uint8Array | Float32Array,
  size: number,
  divisors: readonly number[],
  offsets: readonly number[],
): Float32Array {
  const output = new Float32Array(size * 3);
  for (let channel = 0; channel < 3; channel++) {
    const divisor = divisors[channel] as number;
    const offset = offsets[channel] as number;
    const plane = output.subarray(channel * size, (channel + 1) * size);
    for (let i = 0; i < size; i++) plane[i] = (interleaved[i * 3 + channel] as number) / divisor - offset;
  }
  return output;
}
