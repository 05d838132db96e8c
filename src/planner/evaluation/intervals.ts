/** How far a number measured on some scenes may lie from the one on all scenes. */
import { mean } from '../mean.js';
import { Random } from '../random.js';

/** Bounds of a 95 % interval. */
export type Interval = readonly [low: number, high: number];

const RESAMPLES = 2000;
/** 97.5 % of a normal distribution. */
export const Z_95 = 1.959963984540054;

export interface BootstrapOptions {
  readonly seed?: number;
  readonly resamples?: number;
}

/** Of a mean: the 2.5th and 97.5th percentiles of the means of resampled values. Undefined without values. */
export function bootstrapInterval(
  values: readonly number[],
  options: BootstrapOptions = {},
): Interval | undefined {
  return values.length === 0 ? undefined : middleOf(bootstrapMeans(values, options));
}

/** Means of resampled values, the lowest first. */
export function bootstrapMeans(
  values: readonly number[],
  { seed = 1, resamples = RESAMPLES }: BootstrapOptions = {},
): Float64Array {
  const random = new Random(seed);
  return Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.below(values.length)] as number;
    return sum / values.length;
  }).sort();
}

/** The middle 95 % of sorted values. */
export function middleOf(sorted: Float64Array): Interval {
  return [percentile(sorted, 0.025), percentile(sorted, 0.975)];
}

/**
 * Of a rate: Wilson's score interval. A bootstrap of 100 successes in 100 would claim to be certain; this does
 * not. `successes` need not be whole. Undefined without trials.
 */
export function wilsonInterval(successes: number, trials: number): Interval | undefined {
  if (trials === 0) return undefined;
  const rate = successes / trials;
  const denominator = 1 + Z_95 ** 2 / trials;
  const middle = (rate + Z_95 ** 2 / (2 * trials)) / denominator;
  const half = (Z_95 * Math.sqrt((rate * (1 - rate)) / trials + Z_95 ** 2 / (4 * trials ** 2))) / denominator;
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** Mean over scenes, and its 95 % interval. */
export interface Mean {
  readonly mean: number;
  readonly interval: Interval;
}

/** By bootstrap. */
export function meanWithInterval(values: readonly number[]): Mean {
  return { mean: mean(values), interval: intervalOf(values) };
}

export function intervalOf(values: readonly number[]): Interval {
  return bootstrapInterval(values) ?? NONE;
}

/**
 * Wilson's, a scene being a trial: `shares` are 1 where it succeeded, 0 where it failed, and between them where some of
 * its clips did.
 */
export function rateWithInterval(shares: readonly number[]): Mean {
  const rate = mean(shares);
  return { mean: rate, interval: wilsonInterval(rate * shares.length, shares.length) ?? NONE };
}

const NONE: Interval = [Number.NaN, Number.NaN];

/** Linear between the sorted values, as NumPy's default. */
function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const low = sorted[Math.floor(at)] as number;
  const high = sorted[Math.ceil(at)] as number;
  // Equal, also when both are infinite.
  return low === high ? low : low + (at - Math.floor(at)) * (high - low);
}
