/** One camera picture in memory, and the files and messages that it comes from and goes to. */
import { readFile, stat } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { AidError, kindOf } from '../errors.js';
import { readError } from '../read-error.js';

/** A picture: 8-bit sRGB, rows from the top, each pixel red, green, blue. */
export interface Frame {
  /** Pixels, 8 to 16,384. */
  readonly width: number;
  /** Pixels, 8 to 16,384. */
  readonly height: number;
  /** [height, width, 3], 0 to 255. */
  readonly data: Uint8Array;
}

/** How the pixels of a raw picture lie in memory; the names are those of ROS image encodings. */
export type RawEncoding = 'rgb8' | 'bgr8' | 'rgba8' | 'bgra8' | 'mono8';

export interface RawPicture {
  readonly width: number;
  readonly height: number;
  /** step * height bytes. */
  readonly data: Uint8Array;
  readonly encoding: RawEncoding;
  /** Bytes from one row to the next; the row's own length unless said otherwise. */
  readonly step?: number | undefined;
}

const MIN_SIDE = 8;
const MAX_SIDE = 16_384;
const MAX_PIXELS = 100_000_000;

/** Bytes of a pixel, and which of them are red, green and blue. */
const LAYOUTS: Readonly<Record<RawEncoding, readonly [bytes: number, r: number, g: number, b: number]>> = {
  rgb8: [3, 0, 1, 2],
  bgr8: [3, 2, 1, 0],
  rgba8: [4, 0, 1, 2],
  bgra8: [4, 2, 1, 0],
  mono8: [1, 0, 0, 0],
};

/**
 * Decodes a JPEG, PNG or WebP file, given as its path or its bytes. The EXIF orientation is applied, transparency
 * laid on black, everything else (grey, 16 bits, palette, CMYK, colour profiles) converted to 8-bit sRGB; of an
 * animation the first picture is taken. The size is checked before any pixel is decoded.
 * Errors: `invalid-image` when the file is missing, is no such image, is cut short or corrupt, has a side under 8
 * or over 16,384 pixels, or more than 100 million pixels; `io-failed` when the machine cannot read it.
 */
export async function decodeFrame(source: string | Uint8Array): Promise<Frame> {
  if (typeof source !== 'string' && !isBytes(source))
    throw new AidError('invalid-image', `image: expected its path or its bytes, got ${kindOf(source)}`);
  const name = typeof source === 'string' ? source : 'image';
  const bytes = typeof source === 'string' ? await readImageFile(source) : source;
  checkImageFile(bytes, name);
  try {
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
    checkSize(name, width, height);
    const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'warning' })
      .autoOrient()
      .flatten({ background: '#000' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels`);
    return { width: info.width, height: info.height, data: plainBytes(data) };
  } catch (cause) {
    if (AidError.isInstance(cause)) throw cause;
    const reason = (cause as Error).message.split('\n', 1)[0];
    throw new AidError('invalid-image', `${name}: not a whole image: ${reason}`, { cause });
  }
}

/** Errors: `invalid-image` for what does not start as a JPEG, PNG or WebP file does. */
export function checkImageFile(bytes: Uint8Array, name = 'image'): void {
  if (!isImageFile(bytes))
    throw new AidError(
      'invalid-image',
      `${name}: expected a JPEG, PNG or WebP image, got ${bytes.length === 0 ? 'nothing' : 'something else'}`,
    );
}

/** Errors: those of `frameFromRaw`, found without looking at a pixel. */
export function checkRaw({ width, height, data, encoding, step }: RawPicture): void {
  if (!Object.hasOwn(LAYOUTS, encoding))
    throw new AidError(
      'invalid-image',
      `image: expected one of the encodings ${Object.keys(LAYOUTS).join(', ')}, got ${encoding}`,
    );
  checkSize('image', width, height);
  if (!isBytes(data))
    throw new AidError('invalid-image', `image: expected the bytes of its pixels, got ${kindOf(data)}`);
  const [bytes] = LAYOUTS[encoding];
  const stride = step ?? width * bytes;
  if (!Number.isInteger(stride) || stride < width * bytes)
    throw new AidError(
      'invalid-image',
      `image: expected a step of at least ${width * bytes} bytes for ${width} pixels of ${encoding}, got ${stride}`,
    );
  if (data.length !== stride * height)
    throw new AidError(
      'invalid-image',
      `image: expected ${stride * height} bytes, ${height} rows of ${stride}, got ${data.length}`,
    );
}

/**
 * A frame from raw pixels, which are copied. The fourth byte of rgba8 and bgra8 is ignored, as cameras fill it with
 * anything.
 * Errors: `invalid-image` when the size is out of range or `data` does not hold exactly step * height bytes.
 */
export function frameFromRaw(picture: RawPicture): Frame {
  checkRaw(picture);
  const { width, height, data, encoding, step } = picture;
  const [bytes, red, green, blue] = LAYOUTS[encoding];
  const stride = step ?? width * bytes;
  if (encoding === 'rgb8' && stride === width * 3) return { width, height, data: Uint8Array.from(data) };
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = y * stride; x < width; x++, from += bytes, to += 3) {
      rgb[to] = data[from + red] as number;
      rgb[to + 1] = data[from + green] as number;
      rgb[to + 2] = data[from + blue] as number;
    }
  }
  return { width, height, data: rgb };
}

/** Checks a frame that others have made; `name` is what to call it. Errors: `invalid-image`. */
export function checkFrame({ width, height, data }: Frame, name: string): void {
  checkSize(name, width, height);
  if (!isBytes(data))
    throw new AidError('invalid-image', `${name}: expected the bytes of its pixels, got ${kindOf(data)}`);
  if (data.length !== width * height * 3)
    throw new AidError(
      'invalid-image',
      `${name}: expected ${width * height * 3} bytes, ${width}x${height} pixels of 3, got ${data.length}`,
    );
}

/** True for a Uint8Array of this or another context of JavaScript, and for a Buffer. */
export function isBytes(value: unknown): value is Uint8Array {
  return Object.prototype.toString.call(value) === '[object Uint8Array]';
}

/** A PNG file, lossless; the same frame gives the same bytes. */
export async function encodePng(frame: Frame): Promise<Uint8Array> {
  return plainBytes(await rawPixels(frame).png().toBuffer());
}

/** A JPEG file; `quality` 1 to 100, chroma at full resolution. */
export async function encodeJpeg(
  frame: Frame,
  { quality = 92 }: { quality?: number } = {},
): Promise<Uint8Array> {
  return plainBytes(await rawPixels(frame).jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer());
}

/** A WebP file; `quality` 1 to 100, or lossless. */
export async function encodeWebp(
  frame: Frame,
  { quality = 90, lossless = false }: { quality?: number; lossless?: boolean } = {},
): Promise<Uint8Array> {
  return plainBytes(await rawPixels(frame).webp({ quality, lossless }).toBuffer());
}

/** A frame as sharp's input. */
export function rawPixels({ width, height, data }: Frame): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** A Buffer's bytes as what the types promise, without Buffer's own `slice` and `toString`. */
export function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

async function readImageFile(path: string): Promise<Uint8Array> {
  try {
    // A device or a pipe would be read for ever.
    if (!(await stat(path)).isFile()) throw new Error('not a file');
    return await readFile(path);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what = missing ? 'no such file' : `could not be read: ${(cause as Error).message}`;
    throw readError('invalid-image', `${path}: ${what}`, cause);
  }
}

/** Whether a file starts as a JPEG, PNG or WebP does. */
function isImageFile(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 12)).toString(
    'latin1',
  );
  return (
    start.startsWith('\xff\xd8\xff') ||
    start.startsWith('\x89PNG\r\n\x1a\n') ||
    (start.startsWith('RIFF') && start.endsWith('WEBP'))
  );
}

function checkSize(name: string, width: number, height: number): void {
  const whole = Number.isInteger(width) && Number.isInteger(height);
  if (!whole || Math.min(width, height) < MIN_SIDE)
    throw new AidError(
      'invalid-image',
      `${name}: expected at least ${MIN_SIDE}x${MIN_SIDE} pixels, got ${width}x${height}`,
    );
  if (Math.max(width, height) > MAX_SIDE || width * height > MAX_PIXELS)
    throw new AidError(
      'invalid-image',
      `${name}: expected at most ${MAX_SIDE} pixels a side and ${MAX_PIXELS / 1e6} million in all, got ${width}x${height}`,
    );
}
