import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import { decibels, frameSsim, meanSquaredError, ssim } from '#planner/evaluation/metrics.js';
import { readSafetensorsHeader, readTensorBytes } from '#planner/weights/safetensors.js';
import { noise, picture } from '../conditioning/pictures.js';

const tensors = readSafetensorsHeader(
  fileURLToPath(new URL('fixtures/metrics.safetensors', import.meta.url)),
);

function bytesOf(name: string): Uint8Array {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`no tensor ${name}`);
  return readTensorBytes(tensor);
}

const psnr = (a: readonly Frame[], b: readonly Frame[]): number => decibels(meanSquaredError(a, b));

/** A frame of one colour. */
const plain = (level: number): Frame => ({ width: 8, height: 8, data: new Uint8Array(192).fill(level) });

describe('beside scikit-image', () => {
  it.each(['31x20', '8x40', '7x7'])('has its SSIM and PSNR of %s to ten digits', (name) => {
    const [width = 0, height = 0] = name.split('x').map(Number);
    const a = { width, height, data: bytesOf(`${name}.a`) };
    const b = { width, height, data: bytesOf(`${name}.b`) };
    const values = bytesOf(`${name}.ssim_psnr`);
    const [expectedSsim, expectedPsnr] = new Float64Array(values.slice().buffer);
    expect(frameSsim(a, b)).toBeCloseTo(expectedSsim as number, 10);
    expect(psnr([a], [b])).toBeCloseTo(expectedPsnr as number, 10);
  });
});

describe('psnr', () => {
  it('is 10 log10(255^2 / mse), of the whole clip and not the mean of its frames', () => {
    expect(psnr([plain(0)], [plain(255)])).toBe(0);
    expect(psnr([plain(10)], [plain(20)])).toBeCloseTo(10 * Math.log10(255 ** 2 / 100), 12);
    const [a, b] = [
      [plain(10), plain(10)],
      [plain(20), plain(10)],
    ] as const;
    expect(meanSquaredError(a, b)).toBe(50);
    expect(psnr(a, b)).toBeCloseTo(10 * Math.log10(255 ** 2 / 50), 12);
  });

  it('is infinite for the same clip', () => expect(psnr([plain(3)], [plain(3)])).toBe(Infinity));
});

describe('ssim', () => {
  it('is 1 for the same picture, less for noise, and a mean over frames', () => {
    const [a, b] = [picture(24, 16), noise(24, 16)];
    expect(frameSsim(a, a)).toBeCloseTo(1, 12);
    expect(frameSsim(a, b)).toBeLessThan(0.2);
    expect(ssim([a, a], [a, b])).toBeCloseTo((1 + frameSsim(a, b)) / 2, 12);
    expect(frameSsim(a, b)).toBeCloseTo(frameSsim(b, a), 12);
  });

  it('refuses pictures smaller than its window', () =>
    expect(() => frameSsim(picture(8, 6), picture(8, 6))).toThrow(/at least 7, got 8x6/));
});

it('refuses clips of different lengths or sizes, and no clip at all', () => {
  const [a, b] = [picture(16, 16), picture(16, 8)];
  expect(() => psnr([a, a], [a])).toThrow('2 frames of 16x16 and 1 frames of 16x16');
  expect(() => ssim([a], [b])).toThrow('1 frames of 16x16 and 1 frames of 16x8');
  expect(() => psnr([], [])).toThrow('expected two clips alike');
});
