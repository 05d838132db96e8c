/** A clip as a picture file: moving, or laid out in rows. */
import sharp from 'sharp';
import { AidError } from '../errors.js';
import { encodePng, type Frame, plainBytes } from './frame.js';

/** Between the frames of a filmstrip, pixels; white. */
const GAP = 2;

/**
 * An animated WebP that repeats for ever; the same frames give the same bytes. Frames last whole milliseconds,
 * rounded so that the clip as a whole keeps its speed. `quality` 1 to 100, or lossless.
 * Errors: `invalid-argument` for no frames, frames of different sizes, or a rate that is not of 0.02 to 1000.
 */
export async function encodeAnimatedWebp(
  frames: readonly Frame[],
  {
    framesPerSecond,
    quality = 90,
    lossless = false,
  }: { framesPerSecond: number; quality?: number; lossless?: boolean },
): Promise<Uint8Array> {
  const { width, height } = sizeOf(frames);
  if (!(framesPerSecond >= 0.02 && framesPerSecond <= 1000))
    throw new AidError('invalid-argument', `framesPerSecond: expected 0.02 to 1000, got ${framesPerSecond}`);
  const time = (frame: number): number => Math.round((frame * 1000) / framesPerSecond);
  const delay = frames.map((_, index) => time(index + 1) - time(index));
  // All frames below each other, which is how libvips holds an animation.
  const bytes = width * height * 3;
  const tall = new Uint8Array(bytes * frames.length);
  for (const [index, frame] of frames.entries()) tall.set(frame.data, index * bytes);
  const pages = { width, height: height * frames.length, channels: 3, pageHeight: height } as const;
  const file = await sharp(tall, { raw: pages, limitInputPixels: false })
    .webp({ quality, lossless, loop: 0, delay })
    .toBuffer();
  return plainBytes(file);
}

/**
 * A PNG with the frames side by side, `columns` in a row (all of them unless said otherwise), row after row, with
 * a gap of 2 white pixels between them. Errors: `invalid-argument` for no frames, frames of different sizes, or
 * columns that are not a positive integer.
 */
export async function encodeFilmstrip(
  frames: readonly Frame[],
  { columns = frames.length }: { columns?: number } = {},
): Promise<Uint8Array> {
  const { width, height } = sizeOf(frames);
  if (!Number.isInteger(columns) || columns < 1)
    throw new AidError('invalid-argument', `columns: expected a positive integer, got ${columns}`);
  const across = Math.min(columns, frames.length);
  const down = Math.ceil(frames.length / across);
  const stripWidth = across * (width + GAP) - GAP;
  const stripHeight = down * (height + GAP) - GAP;
  const data = new Uint8Array(stripWidth * stripHeight * 3).fill(255);
  for (const [index, frame] of frames.entries()) {
    const left = (index % across) * (width + GAP);
    const top = Math.floor(index / across) * (height + GAP);
    for (let y = 0; y < height; y++) {
      const row = frame.data.subarray(y * width * 3, (y + 1) * width * 3);
      data.set(row, ((top + y) * stripWidth + left) * 3);
    }
  }
  return encodePng({ width: stripWidth, height: stripHeight, data });
}

function sizeOf(frames: readonly Frame[]): { width: number; height: number } {
  const [first] = frames;
  if (first === undefined) throw new AidError('invalid-argument', 'frames: expected at least one, got none');
  const odd = frames.findIndex(({ width, height }) => width !== first.width || height !== first.height);
  if (odd >= 0)
    throw new AidError(
      'invalid-argument',
      `frames: expected ${first.width}x${first.height} pixels like the first, got ${frames[odd]?.width}x${frames[odd]?.height} at ${odd}`,
    );
  return { width: first.width, height: first.height };
}
