import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { encodeAnimatedWebp, encodeFilmstrip } from '#planner/conditioning/animation.js';
import { decodeFrame, type Frame } from '#planner/conditioning/frame.js';
import { picture } from './pictures.js';

const clip = Array.from({ length: 5 }, (_, index) => picture(32, 24, index));
const refused = expect.objectContaining({ code: 'invalid-argument' });

describe('an animated WebP', () => {
  test('has every frame, for ever, at the rate of the clip', async () => {
    const file = await encodeAnimatedWebp(clip, { framesPerSecond: 7 });
    const { format, pages, delay, loop, width, pageHeight } = await sharp(file, {
      animated: true,
    }).metadata();
    expect({ format, pages, loop, width, pageHeight }).toEqual({
      format: 'webp',
      pages: 5,
      loop: 0,
      width: 32,
      pageHeight: 24,
    });
    // 1/7 s is 142.857 ms.
    expect(delay).toEqual([143, 143, 143, 142, 143]);
  });

  test('holds the frames exactly when it is lossless', async () => {
    const file = await encodeAnimatedWebp(clip, { framesPerSecond: 4, lossless: true });
    const pages = await sharp(file, { animated: true }).removeAlpha().raw().toBuffer();
    expect(Buffer.compare(pages, Buffer.concat(clip.map((frame) => frame.data)))).toBe(0);
  });

  test('may have one frame', async () => {
    const file = await encodeAnimatedWebp(clip.slice(0, 1), { framesPerSecond: 4, lossless: true });
    expect(await decodeFrame(file)).toEqual(clip[0]);
  });

  test('has the same bytes for the same frames', async () => {
    const twice = [1, 2].map(() => encodeAnimatedWebp(clip, { framesPerSecond: 7 }));
    const [one, other] = await Promise.all(twice);
    expect(one).toEqual(other);
  });

  test.each([0, -1, Number.NaN, 2000])('is refused at %s frames per second', async (framesPerSecond) => {
    await expect(encodeAnimatedWebp(clip, { framesPerSecond })).rejects.toThrow(refused);
  });
});

describe('a filmstrip', () => {
  test('has all frames in a row, with white between them', async () => {
    const strip = await decodeFrame(await encodeFilmstrip(clip));
    expect(strip).toMatchObject({ width: 5 * 32 + 4 * 2, height: 24 });
    for (const [index, frame] of clip.entries()) expect(cut(strip, index * 34, 0, 32, 24)).toEqual(frame);
    expect(cut(strip, 32, 0, 2, 24).data.every((value) => value === 255)).toBe(true);
  });

  test('goes on in the next row after so many columns', async () => {
    const strip = await decodeFrame(await encodeFilmstrip(clip, { columns: 3 }));
    expect(strip).toMatchObject({ width: 3 * 32 + 2 * 2, height: 2 * 24 + 2 });
    for (const [index, frame] of clip.entries())
      expect(cut(strip, (index % 3) * 34, Math.floor(index / 3) * 26, 32, 24)).toEqual(frame);
    expect(cut(strip, 68, 26, 32, 24).data.every((value) => value === 255)).toBe(true);
  });

  test('is no wider than its frames', async () => {
    expect(await encodeFilmstrip(clip, { columns: 99 })).toEqual(await encodeFilmstrip(clip));
  });

  test.each([0, 1.5, -2])('is refused with %s columns', async (columns) => {
    await expect(encodeFilmstrip(clip, { columns })).rejects.toThrow(refused);
  });
});

test.each([
  ['no frames', []],
  ['frames of different sizes', [picture(32, 24), picture(24, 32)]],
])('a clip of %s is refused', async (_, frames) => {
  await expect(encodeAnimatedWebp(frames, { framesPerSecond: 5 })).rejects.toThrow(refused);
  await expect(encodeFilmstrip(frames)).rejects.toThrow(refused);
});

function cut(frame: Frame, left: number, top: number, width: number, height: number): Frame {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * frame.width + left) * 3;
    data.set(frame.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height, data };
}
