/**
 * Seeded random numbers, the same on every machine: xoshiro128** (Blackman and Vigna) seeded through
 * splitmix32, and normal numbers by Box and Muller.
 */
import { atOnce, type Steps } from './turns.js';

/** Numbers drawn between two pauses. */
const PAUSE_AFTER = 2 ** 14;

export class Random {
  readonly #state = new Uint32Array(4);
  #spare: number | undefined;

  /** A stream for each list of whole numbers: `new Random(seed, step)` and `new Random(seed, step + 1)` differ. */
  constructor(...seeds: readonly number[]) {
    let word = 0x9e3779b9;
    const scramble = (value: number): number => {
      word = (word ^ value) >>> 0;
      word = (word + 0x9e3779b9) >>> 0;
      let z = word;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    for (const seed of seeds) {
      word = scramble(seed >>> 0);
      word = scramble(Math.floor(seed / 2 ** 32) >>> 0);
    }
    for (let i = 0; i < 4; i++) this.#state[i] = scramble(i + 1);
  }

  /** A whole number in [0, 2^32). */
  word(): number {
    const s = this.#state;
    const [s0, s1, s2, s3] = [s[0] as number, s[1] as number, s[2] as number, s[3] as number];
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    s[2] = s2 ^ s0;
    s[3] = s3 ^ s1;
    s[1] = s1 ^ (s[2] as number);
    s[0] = s0 ^ (s[3] as number);
    s[2] = (s[2] as number) ^ (s1 << 9);
    s[3] = ((s[3] as number) << 11) | ((s[3] as number) >>> 21);
    return result;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return this.word() / 2 ** 32;
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** Standard normal. */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** That many standard normal numbers. */
  normals(count: number): Float32Array {
    return atOnce(this.normalsInSteps(count));
  }

  /** The same, with pauses. */
  *normalsInSteps(count: number): Steps<Float32Array> {
    const numbers = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      if (i % PAUSE_AFTER === PAUSE_AFTER - 1) yield;
      numbers[i] = this.normal();
    }
    return numbers;
  }
}
