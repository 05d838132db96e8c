import { expect, it } from 'vitest';
import { DifferenceSum } from '#planner/evaluation/difference-map.js';

const black = (width: number, height: number) => ({
  width,
  height,
  data: new Uint8Array(width * height * 3),
});

it('tells at each pixel how far two clips are apart, in the mean over frames and colours', () => {
  const sum = new DifferenceSum();
  expect(sum.map()).toBeUndefined();
  const other = black(4, 2);
  // One colour of the pixel at x 3, y 1.
  other.data[21] = 90;
  sum.add(black(4, 2), other);
  sum.add(black(4, 2), black(4, 2));
  const { width, height, largest, cells } = sum.map() ?? { cells: '' };
  expect([width, height, largest]).toEqual([4, 2, 15]);
  expect([...Buffer.from(cells, 'base64')]).toEqual([0, 0, 0, 0, 0, 0, 0, 255]);
});

it('has no more than 128 cells a side, whose edges may be cut', () => {
  const sum = new DifferenceSum();
  const other = black(130, 3);
  other.data.fill(40, 3 * (2 * 130 + 128));
  sum.add(black(130, 3), other);
  const { width, height, largest, cells } = sum.map() ?? { cells: '' };
  expect([width, height, largest]).toEqual([65, 2, 40]);
  expect(Buffer.from(cells, 'base64').at(-1)).toBe(255);
});
