import { describe, expect, test } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import { clipPixels, frameToPixels, pixelsToFrame } from '#planner/conditioning/image-tensors.js';
import { CLIP_MEAN, CLIP_STD } from '#planner/conditioning/preprocessor.js';
import { readFloats, readSafetensorsHeader, readTensorBytes } from '#planner/weights/safetensors.js';
import { largestDifference, noise, picture } from './pictures.js';
import { fixture } from './temporary-folder.js';

const stored = readSafetensorsHeader(fixture('images.safetensors'));
const floats = (name: string) => readFloats(required(stored.get(name)));
const normalisation = { mean: CLIP_MEAN, std: CLIP_STD };

describe('frames and the autoencoder', () => {
  test('a frame becomes channels of -1 to 1', async () => {
    const data = new Uint8Array(8 * 8 * 3);
    data.set([0, 51, 255], 0);
    data.set([255, 102, 0], 3);
    const pixels = await frameToPixels({ width: 8, height: 8, data }, { width: 8, height: 8, fit: 'fill' });
    expect(pixels).toHaveLength(3 * 64);
    expect([pixels[0], pixels[1]]).toEqual([-1, 1]);
    expect(pixels[64]).toBeCloseTo(-0.6, 6);
    expect(pixels[65]).toBeCloseTo(-0.2, 6);
    expect([pixels[128], pixels[129]]).toEqual([1, -1]);
  });

  test('a frame survives the way there and back', async () => {
    const frame = noise(40, 24);
    const pixels = await frameToPixels(frame, { width: 40, height: 24, fit: 'cover' });
    expect(pixelsToFrame(pixels, 40, 24)).toEqual(frame);
  });

  test('a frame of another shape is cropped, framed in black or stretched', async () => {
    const frame = halves(64, 32);
    const at = (pixels: Float32Array, x: number, y: number) => pixels[y * 32 + x] as number;
    const size = { width: 32, height: 32 };
    const cover = await frameToPixels(frame, { ...size, fit: 'cover' });
    expect(at(cover, 2, 16)).toBeCloseTo(0.6, 1);
    expect(at(cover, 29, 16)).toBeCloseTo(-0.6, 1);
    const contain = await frameToPixels(frame, { ...size, fit: 'contain' });
    expect([at(contain, 2, 2), at(contain, 29, 29)]).toEqual([-1, -1]);
    expect(at(contain, 2, 16)).toBeCloseTo(0.6, 1);
    const fill = await frameToPixels(frame, { ...size, fit: 'fill' });
    expect(at(fill, 2, 2)).toBeCloseTo(0.6, 1);
    expect(at(fill, 29, 29)).toBeCloseTo(-0.6, 1);
  });

  test('a frame made smaller is smoothed, not sampled', async () => {
    const stripes = picture(64, 64);
    for (let i = 0; i < stripes.data.length; i++) stripes.data[i] = Math.floor(i / 3) % 2 === 0 ? 0 : 255;
    const pixels = await frameToPixels(stripes, { width: 16, height: 16, fit: 'fill' });
    for (let i = 0; i < 256; i++)
      if (i % 16 > 1 && i % 16 < 14) expect(Math.abs(pixels[i] as number)).toBeLessThan(0.1);
  });

  test('numbers out of range are clamped and the rest rounded to the nearest level', () => {
    const pixels = new Float32Array(3 * 64).fill(-1);
    pixels.set([-5, 1.01, 7, 0, 1.4 / 127.5 - 1, 1.6 / 127.5 - 1]);
    expect(
      Array.from(
        pixelsToFrame(pixels, 8, 8)
          .data.filter((_, i) => i % 3 === 0)
          .slice(0, 6),
      ),
    ).toEqual([0, 255, 255, 128, 1, 2]);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('the number %s is refused', (value) => {
    const pixels = new Float32Array(3 * 64);
    pixels[100] = value;
    expect(() => pixelsToFrame(pixels, 8, 8)).toThrow(
      expect.objectContaining({ code: 'engine-failed', message: expect.stringContaining(`${value}`) }),
    );
  });

  test('another number of numbers is refused', () => {
    expect(() => pixelsToFrame(new Float32Array(191), 8, 8)).toThrow(
      'expected [3,8,8], 192 numbers, got 191',
    );
  });
});

describe('frames and CLIP', () => {
  const pictures = [...stored.keys()].filter((key) => key.endsWith('.image')).map((key) => key.split('.')[0]);

  // Tolerances are absolute, of numbers of about -2 to 2.
  test.each(pictures)('%s as transformers prepares it, within 1e-5', async (name) => {
    const pixels = await clipPixels(storedFrame(`${name}.image`), {
      imageSize: 16,
      resize: 'clip',
      ...normalisation,
    });
    expect(largestDifference(pixels, floats(`${name}.clip`))).toBeLessThan(1e-5);
  });

  test.each(pictures)('%s as the SVD pipeline prepares it, within 1e-5', async (name) => {
    const pixels = await clipPixels(storedFrame(`${name}.image`), {
      imageSize: 16,
      resize: 'svd',
      ...normalisation,
    });
    expect(largestDifference(pixels, floats(`${name}.svd`))).toBeLessThan(1e-5);
  });

  test('a picture of one colour stays one colour', async () => {
    const frame = picture(50, 33);
    for (let i = 0; i < frame.data.length; i++) frame.data[i] = [255, 128, 0][i % 3] as number;
    for (const resize of ['clip', 'svd'] as const) {
      const pixels = await clipPixels(frame, { imageSize: 12, mean: [0, 0, 0], std: [1, 1, 1], resize });
      for (const [channel, value] of [255, 128, 0].entries())
        for (const pixel of pixels.subarray(channel * 144, (channel + 1) * 144))
          expect(pixel).toBeCloseTo(value / 255, 5);
    }
  });

  test('the centre of a larger picture is cut out', async () => {
    const whole = { imageSize: 32, resize: 'clip', ...normalisation } as const;
    const large = await clipPixels(noise(64, 64), whole);
    const centre = await clipPixels(noise(64, 64), { ...whole, imageSize: 16, shortestEdge: 32 });
    for (let y = 0; y < 16; y++)
      expect(centre.subarray(y * 16, y * 16 + 16)).toEqual(
        large.subarray((y + 8) * 32 + 8, (y + 8) * 32 + 24),
      );
  });

  test('a cut larger than the picture is refused', async () => {
    await expect(
      clipPixels(noise(16, 16), { imageSize: 32, shortestEdge: 16, resize: 'clip', ...normalisation }),
    ).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

/** Light on the left, dark on the right. */
function halves(width: number, height: number): Frame {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    Math.floor(i / 3) % width < width / 2 ? 204 : 51,
  );
  return { width, height, data };
}

function storedFrame(name: string): Frame {
  const tensor = required(stored.get(name));
  const [height = 0, width = 0] = tensor.shape;
  return { width, height, data: readTensorBytes(tensor) };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the fixture lacks it');
  return value;
}
