/** Rows of features, each of a clip or of a picture, and what is common to all distances between two sets of them. */
import { AidError } from '../../errors.js';

/** `count` rows of `width` features. */
export interface FeatureSet {
  readonly count: number;
  readonly width: number;
  readonly values: Float32Array | Float64Array;
}

/** Places of rows. */
export type Rows = readonly number[];

export const everyRow = ({ count }: FeatureSet): Rows => Array.from({ length: count }, (_, row) => row);

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
