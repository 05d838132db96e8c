/** A case of the distances between two sets of video features; what is expected stands in its config. */
import { z } from 'zod';
import { AidError } from '../errors.js';
import type { FeatureSet } from '../evaluation/features/feature-set.js';
import { frechetDistance } from '../evaluation/features/frechet-distance.js';
import { kernelDistance } from '../evaluation/features/kernel-distance.js';
import type { Case } from './case.js';
import type { CaseKind } from './case-kind.js';
import { configOf } from './networks.js';

const scalar = (value: number) => ({ dims: [], data: [value] });
const videoDistanceConfig = z.object({ frechet: z.number(), kernel: z.number() });

export const videoDistanceCase: CaseKind = {
  // The features are stored in single precision; the distances expected are of their originals.
  tolerance: 1e-4,
  inputs: ['features_a', 'features_b'],
  expected: (given) => {
    const { frechet, kernel } = configOf(given, videoDistanceConfig);
    return new Map([
      ['frechet', scalar(frechet)],
      ['kernel', scalar(kernel)],
    ]);
  },
  run: async (_engine, given) => {
    const [a, b] = [featuresOf(given, 'features_a'), featuresOf(given, 'features_b')];
    return new Map([
      ['frechet', scalar(frechetDistance(a, b))],
      ['kernel', scalar(kernelDistance(a, b))],
    ]);
  },
};

function featuresOf(given: Case, name: string): FeatureSet {
  const { dims, data } = given.floats(name);
  const [count, width] = dims;
  if (count === undefined || width === undefined || dims.length !== 2)
    throw new AidError('invalid-data', `${given.name}: ${name}: expected [N,D], got [${dims.join(',')}]`);
  return { count, width, values: data };
}
