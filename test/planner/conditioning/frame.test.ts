import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { encodeAnimatedWebp } from '#planner/conditioning/animation.js';
import {
  decodeFrame,
  encodeJpeg,
  encodePng,
  encodeWebp,
  type Frame,
  frameFromRaw,
  type RawEncoding,
} from '#planner/conditioning/frame.js';
import { largestDifference, noise, picture } from './pictures.js';
import { temporaryFolder } from './temporary-folder.js';

const WIDTH = 48;
const HEIGHT = 32;
const scene = picture(WIDTH, HEIGHT);
const fromScene = () => sharp(scene.data, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });

function refusal(message: string | RegExp) {
  return expect.objectContaining({ code: 'invalid-image', message: expect.stringMatching(message) });
}

describe('decoding', () => {
  test.each([
    ['PNG', () => encodePng(scene), 0],
    ['lossless WebP', () => encodeWebp(scene, { lossless: true }), 0],
    ['WebP', () => encodeWebp(scene), 25],
    ['JPEG', () => encodeJpeg(scene), 12],
    ['progressive JPEG', async () => fromScene().jpeg({ progressive: true, quality: 95 }).toBuffer(), 32],
    ['interlaced PNG', async () => fromScene().png({ progressive: true }).toBuffer(), 0],
  ])('gives the picture of a %s back', async (_, encode, tolerance) => {
    const frame = await decodeFrame(await encode());
    expect(frame).toMatchObject({ width: WIDTH, height: HEIGHT });
    expect(frame.data).toHaveLength(WIDTH * HEIGHT * 3);
    expect(largestDifference(frame.data, scene.data)).toBeLessThanOrEqual(tolerance);
  });

  test('reads a file by its path', async () => {
    const path = join(temporaryFolder(), 'frame.png');
    writeFileSync(path, await encodePng(scene));
    expect(await decodeFrame(path)).toEqual(scene);
  });

  test('turns a picture as its EXIF orientation says', async () => {
    // 6: the top of the picture is its right side, so that it is turned clockwise for display.
    const file = await fromScene().withMetadata({ orientation: 6 }).png().toBuffer();
    const frame = await decodeFrame(file);
    expect(frame).toMatchObject({ width: HEIGHT, height: WIDTH });
    const turned = new Uint8Array(scene.data.length);
    for (let y = 0; y < HEIGHT; y++)
      for (let x = 0; x < WIDTH; x++) turned.set(pixel(scene, x, y), (x * HEIGHT + (HEIGHT - 1 - y)) * 3);
    expect(frame.data).toEqual(turned);
  });

  test('lays transparency on black', async () => {
    const rgba = new Uint8Array(WIDTH * HEIGHT * 4);
    for (let i = 0; i < WIDTH * HEIGHT; i++)
      rgba.set([200, 100, 50, i % 3 === 0 ? 0 : i % 3 === 1 ? 128 : 255], i * 4);
    const file = await sharp(rgba, { raw: { width: WIDTH, height: HEIGHT, channels: 4 } })
      .png()
      .toBuffer();
    const frame = await decodeFrame(file);
    expect(pixel(frame, 0, 0)).toEqual([0, 0, 0]);
    expect(largestDifference(pixel(frame, 1, 0), [100, 50, 25])).toBeLessThanOrEqual(1);
    expect(pixel(frame, 2, 0)).toEqual([200, 100, 50]);
  });

  test.each([
    ['grey', 1, 'grey16' as const],
    ['colour', 3, 'rgb16' as const],
    ['transparent colour', 4, 'rgb16' as const],
  ])('brings 16-bit %s to 8 bits', async (_, channels, space) => {
    const wide = Uint16Array.from({ length: WIDTH * HEIGHT * channels }, (__, i) =>
      i % channels === 3 ? 65_535 : (i * 37) % 65_536,
    );
    const raw = { width: WIDTH, height: HEIGHT, channels: channels as 1 | 3 | 4 };
    const file = await sharp(wide, { raw }).toColourspace(space).png().toBuffer();
    expect((await sharp(file).metadata()).depth).toBe('ushort');
    const frame = await decodeFrame(file);
    expect(frame.data).toHaveLength(WIDTH * HEIGHT * 3);
    for (let i = 0; i < WIDTH * HEIGHT; i++) {
      const value = (wide[i * channels] as number) / 257;
      expect(Math.abs((frame.data[i * 3] as number) - value)).toBeLessThanOrEqual(1);
    }
  });

  test('makes grey pictures colour pictures', async () => {
    const file = await fromScene().greyscale().toColourspace('b-w').png().toBuffer();
    expect((await sharp(file).metadata()).channels).toBe(1);
    const { data } = await decodeFrame(file);
    expect(data).toHaveLength(WIDTH * HEIGHT * 3);
    for (let i = 0; i < data.length; i += 3) {
      expect(data[i + 1]).toBe(data[i]);
      expect(data[i + 2]).toBe(data[i]);
    }
  });

  test('converts a CMYK JPEG', async () => {
    const colours = [
      [255, 255, 255],
      [0, 0, 0],
      [200, 30, 30],
      [30, 120, 30],
    ] as const;
    const rgb = new Uint8Array(64 * 64 * 3);
    for (let y = 0; y < 64; y++)
      for (let x = 0; x < 64; x++)
        rgb.set(colours[(x >> 5) + 2 * (y >> 5)] as readonly number[], (y * 64 + x) * 3);
    const file = await sharp(rgb, { raw: { width: 64, height: 64, channels: 3 } })
      .toColourspace('cmyk')
      .jpeg({ quality: 95 })
      .toBuffer();
    expect((await sharp(file).metadata()).space).toBe('cmyk');
    const frame = await decodeFrame(file);
    for (const [index, colour] of colours.entries()) {
      const got = pixel(frame, 16 + 32 * (index & 1), 16 + 32 * (index >> 1));
      expect(largestDifference(got, colour), `${got}`).toBeLessThan(60);
    }
  });

  test('reads a picture with a palette', async () => {
    const file = await fromScene().png({ palette: true, colours: 256 }).toBuffer();
    expect((await sharp(file).metadata()).isPalette).toBe(true);
    const frame = await decodeFrame(file);
    expect(frame).toMatchObject({ width: WIDTH, height: HEIGHT });
    expect(largestDifference(frame.data, scene.data)).toBeLessThan(80);
  });

  test('takes the first picture of an animation', async () => {
    const file = await encodeAnimatedWebp([scene, picture(WIDTH, HEIGHT, 2)], {
      framesPerSecond: 5,
      lossless: true,
    });
    expect(await decodeFrame(file)).toEqual(scene);
  });

  test('takes the smallest and the longest pictures allowed', async () => {
    expect(await decodeFrame(await encodePng(noise(8, 8)))).toEqual(noise(8, 8));
    const long = await decodeFrame(await blank(16_384, 8));
    expect(long).toMatchObject({ width: 16_384, height: 8 });
  });
});

describe('an image is refused', () => {
  test('when there is no file', async () => {
    await expect(decodeFrame('/nowhere/frame.jpg')).rejects.toThrow(
      refusal('^/nowhere/frame.jpg: no such file$'),
    );
  });

  test('when the path is a folder or a device', async () => {
    const folder = join(temporaryFolder(), 'frame.png');
    mkdirSync(folder);
    await expect(decodeFrame(folder)).rejects.toThrow(refusal('not a file'));
    await expect(decodeFrame('/dev/zero')).rejects.toThrow(refusal('not a file'));
  });

  test.each([
    ['nothing', ''],
    ['text', 'no picture at all'],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>'],
    ['GIF', 'GIF89a\x40\x00\x40\x00\x00\x00\x00;'],
  ])('when it is %s', async (_, text) => {
    await expect(decodeFrame(Buffer.from(text, 'latin1'))).rejects.toThrow(
      refusal('expected a JPEG, PNG or WebP'),
    );
  });

  test.each([
    ['JPEG', (frame: Frame) => encodeJpeg(frame)],
    ['PNG', (frame: Frame) => encodePng(frame)],
    ['WebP', (frame: Frame) => encodeWebp(frame)],
  ])('when a %s is cut short anywhere', async (_, encode) => {
    const file = await encode(noise(64, 64));
    for (const share of [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
      await expect(
        decodeFrame(file.subarray(0, Math.floor(file.length * share))),
        `${share}`,
      ).rejects.toThrow(refusal('image: not a whole image: .'));
  });

  test('when a JPEG is corrupt inside', async () => {
    const file = await encodeJpeg(noise(64, 64));
    // Two bytes that cannot stand within the picture's data.
    file.set([0xff, 0x01], Math.floor(file.length / 2));
    await expect(decodeFrame(file)).rejects.toThrow(refusal('not a whole image'));
  });

  test('when a PNG does not pass its checksum', async () => {
    const file = await encodePng(noise(64, 64));
    const middle = Math.floor(file.length / 2);
    file[middle] = (file[middle] as number) ^ 0x55;
    await expect(decodeFrame(file)).rejects.toThrow(refusal('not a whole image'));
  });

  test.each([
    [1, 1],
    [7, 64],
    [64, 7],
  ])('when it is as small as %dx%d', async (width, height) => {
    await expect(decodeFrame(await blank(width, height))).rejects.toThrow(
      refusal(`expected at least 8x8 pixels, got ${width}x${height}`),
    );
  });

  test.each([
    [20_000, 10],
    [10, 20_000],
    [16_385, 8],
    [12_000, 9000],
  ])('when it is as large as %dx%d', async (width, height) => {
    await expect(decodeFrame(await blank(width, height))).rejects.toThrow(
      refusal(`expected at most 16384 pixels a side and 100 million in all, got ${width}x${height}`),
    );
  });

  test('for its size even when no pixel of it could be decoded', async () => {
    const file = await blank(20_000, 10, 64);
    await expect(decodeFrame(file)).rejects.toThrow(refusal('got 20000x10'));
  });
});

describe('a raw picture', () => {
  const ENCODINGS: [RawEncoding, (rgb: readonly number[]) => number[]][] = [
    ['rgb8', ([r = 0, g = 0, b = 0]) => [r, g, b]],
    ['bgr8', ([r = 0, g = 0, b = 0]) => [b, g, r]],
    ['rgba8', ([r = 0, g = 0, b = 0]) => [r, g, b, 17]],
    ['bgra8', ([r = 0, g = 0, b = 0]) => [b, g, r, 0]],
    ['mono8', ([r = 0]) => [r]],
  ];

  test.each(ENCODINGS)('of %s becomes a frame, with and without padded rows', (encoding, store) => {
    const bytes = store([0, 0, 0]).length;
    for (const padding of [0, 5]) {
      const step = WIDTH * bytes + padding;
      const data = new Uint8Array(step * HEIGHT).fill(99);
      for (let y = 0; y < HEIGHT; y++)
        for (let x = 0; x < WIDTH; x++) data.set(store(pixel(scene, x, y)), y * step + x * bytes);
      const frame = frameFromRaw({
        width: WIDTH,
        height: HEIGHT,
        data,
        encoding,
        ...(padding === 0 ? {} : { step }),
      });
      const grey = Uint8Array.from(scene.data, (_, i) => scene.data[i - (i % 3)] as number);
      expect(frame).toEqual(encoding === 'mono8' ? { ...scene, data: grey } : scene);
    }
  });

  test('is copied', () => {
    const data = new Uint8Array(scene.data);
    const frame = frameFromRaw({ width: WIDTH, height: HEIGHT, data, encoding: 'rgb8' });
    data.fill(0);
    expect(frame).toEqual(scene);
  });

  test.each([
    ['an unknown encoding', { encoding: '16UC1' as RawEncoding }, 'got 16UC1'],
    ['a name that every object has as encoding', { encoding: 'toString' as RawEncoding }, 'got toString'],
    ['too few bytes', { data: new Uint8Array(100) }, `expected ${WIDTH * HEIGHT * 3} bytes`],
    ['too many bytes', { data: new Uint8Array(WIDTH * HEIGHT * 3 + 1) }, `got ${WIDTH * HEIGHT * 3 + 1}`],
    ['a step shorter than a row', { step: WIDTH * 3 - 1 }, 'expected a step of at least'],
    ['half a pixel', { width: 47.5 }, 'got 47.5x32'],
    ['no rows', { height: 0 }, 'got 48x0'],
    ['too many columns', { width: 20_000 }, 'got 20000x32'],
  ])('with %s is refused', (_, change, message) => {
    const raw = { width: WIDTH, height: HEIGHT, data: scene.data, encoding: 'rgb8' as const };
    expect(() => frameFromRaw({ ...raw, ...change })).toThrow(refusal(message));
  });
});

describe('encoding', () => {
  test.each([
    ['PNG', encodePng],
    ['JPEG', encodeJpeg],
    ['WebP', encodeWebp],
  ])('a %s gives the same bytes each time', async (_, encode) => {
    expect(await encode(scene)).toEqual(await encode(scene));
  });
});

function pixel({ width, data }: Frame, x: number, y: number): number[] {
  return Array.from(data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3));
}

/** A PNG of one colour; with `bytes`, only its beginning. */
async function blank(width: number, height: number, bytes?: number): Promise<Uint8Array> {
  const file = await sharp({
    create: { width, height, channels: 3, background: '#123456' },
    limitInputPixels: false,
  })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return bytes === undefined ? file : file.subarray(0, bytes);
}
