/** Seeds for whoever names none. */
import { randomInt } from 'node:crypto';

/** The first of `count` seeds in a row. */
export function drawnSeed(count = 1): number {
  return randomInt(2 ** 48 - count);
}

/** The same, short enough that people can type it. */
export function shortSeed(): number {
  return randomInt(1_000_000);
}
