/** Rows of features, each of a clip or of a picture, and what is common to all distances between two sets of them. */
import { AidError } from '../../errors.js';

/** `count` rows of `width` features. */
export interface FeatureSet {
  readonly count: number;
  readonly width: number;
  readonly values: Float32Array | Float64Array;
}

/** How often each row counts: once, or as often as a bootstrap has drawn it. */
export type Drawn = ArrayLike<number>;

export const everyRowOnce = ({ count }: FeatureSet): Drawn => new Float64Array(count).fill(1);

/** Mean of the rows, [width]. */
export function meanOf({ count, width, values }: FeatureSet, drawn: Drawn): Float64Array {
  const mean = new Float64Array(width);
  let total = 0;
  for (let row = 0; row < count; row++) {
    const times = drawn[row] as number;
    total += times;
    for (let i = 0; i < width; i++)
      mean[i] = (mean[i] as number) + times * (values[row * width + i] as number);
  }
  return mean.map((sum) => sum / total);
}

/** Errors: `invalid-argument`. */
export function checkComparable(a: FeatureSet, b: FeatureSet): void {
  for (const { count, width, values } of [a, b]) {
    if (count < 2 || width !== a.width || values.length !== count * width) {
      throw new AidError(
        'invalid-argument',
        `features: expected at least 2 rows of ${a.width} numbers, got ${count} rows of ${width} and ${values.length} numbers`,
      );
    }
    const odd = values.findIndex((value) => !Number.isFinite(value));
    if (odd >= 0)
      throw new AidError('invalid-argument', `features: expected finite numbers, got ${values[odd]}`);
  }
}
