/** Where two clips differ. */
import type { Frame } from '../conditioning/frame.js';

/** Mean absolute difference at each place of the picture. */
export interface DifferenceMap {
  /** Cells across and down; a cell is a pixel, or a square of several in pictures larger than 128. */
  readonly width: number;
  readonly height: number;
  /** Difference in the cell where it is largest, of 255. */
  readonly largest: number;
  /** A byte for each cell, row by row, in base64: 255 stands for `largest`. */
  readonly cells: string;
}

const LONGEST = 128;

/** Adds up the differences of many pairs of frames of one size. */
export class DifferenceSum {
  #sums: Float64Array | undefined;
  #width = 0;
  #height = 0;
  #pairs = 0;

  add(a: Frame, b: Frame): void {
    const { width, height } = a;
    this.#sums ??= new Float64Array(width * height);
    [this.#width, this.#height] = [width, height];
    for (let i = 0; i < a.data.length; i++) {
      const pixel = Math.floor(i / 3);
      const difference = Math.abs((a.data[i] as number) - (b.data[i] as number)) / 3;
      this.#sums[pixel] = (this.#sums[pixel] as number) + difference;
    }
    this.#pairs += 1;
  }

  /** Undefined before anything was added. */
  map(): DifferenceMap | undefined {
    if (this.#sums === undefined) return undefined;
    const side = Math.ceil(Math.max(this.#width, this.#height) / LONGEST);
    const [width, height] = [Math.ceil(this.#width / side), Math.ceil(this.#height / side)];
    const [sums, counts] = [new Float64Array(width * height), new Float64Array(width * height)];
    this.#sums.forEach((sum, pixel) => {
      const [x, y] = [pixel % this.#width, Math.floor(pixel / this.#width)];
      const cell = Math.floor(y / side) * width + Math.floor(x / side);
      sums[cell] = (sums[cell] as number) + sum;
      counts[cell] = (counts[cell] as number) + this.#pairs;
    });
    const means = sums.map((sum, cell) => sum / (counts[cell] as number));
    const largest = means.reduce((a, b) => Math.max(a, b), 0);
    const bytes = Uint8Array.from(means, (value) =>
      largest === 0 ? 0 : Math.round((255 * value) / largest),
    );
    return { width, height, largest, cells: Buffer.from(bytes).toString('base64') };
  }
}
