import { describe, expect, it } from 'vitest';
import { float16ToFloat32, float32ToFloat16 } from '#planner/weights/float16.js';

const bits = (value: number): number => float32ToFloat16(Float32Array.of(value))[0] as number;
const value = (half: number): number => float16ToFloat32(Uint16Array.of(half))[0] as number;

describe('half precision', () => {
  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [1023 * 2 ** -24, 0x03ff],
    [0.333251953125, 0x3555],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
  ])('holds %d as is', (number, half) => {
    expect(bits(number)).toBe(half);
    expect(value(half)).toBe(number);
  });

  it.each([
    ['1 + 2^-11, a tie, to even', 1 + 2 ** -11, 0x3c00],
    ['1 + 3 * 2^-11, a tie, to even', 1 + 3 * 2 ** -11, 0x3c02],
    ['just above a tie, up', 1 + 2 ** -11 + 2 ** -20, 0x3c01],
    ['a carry into the exponent', 2 - 2 ** -12, 0x4000],
    ['0.1', 0.1, 0x2e66],
    ['65519, down to the largest', 65519, 0x7bff],
    ['65520, a tie, up to infinity', 65520, 0x7c00],
    ['1e30', 1e30, 0x7c00],
    ['2^-25, a tie, to zero', 2 ** -25, 0x0000],
    ['above 2^-25, up', 2 ** -25 * 1.001, 0x0001],
    ['1.5 * 2^-24, a tie, to even', 1.5 * 2 ** -24, 0x0002],
    ['the largest subnormal, up to normal', (1023.5 / 1024) * 2 ** -14, 0x0400],
    ['1e-30', 1e-30, 0x0000],
    ['-1e-30', -1e-30, 0x8000],
  ])('rounds %s', (_, number, half) => {
    expect(bits(number)).toBe(half);
  });

  it('keeps NaN', () => {
    expect(value(bits(Number.NaN))).toBeNaN();
    expect(value(0x7e01)).toBeNaN();
  });

  it('goes there and back for each of the 65,536 halves', () => {
    const halves = Uint16Array.from({ length: 1 << 16 }, (_, i) => i);
    const isNaNHalf = (half: number): boolean => (half & 0x7c00) === 0x7c00 && (half & 0x3ff) !== 0;
    const back = float32ToFloat16(float16ToFloat32(halves));
    const changed = [...halves].filter((half, i) => !isNaNHalf(half) && back[i] !== half);
    expect(changed).toEqual([]);
  });
});
