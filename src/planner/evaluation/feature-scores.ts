/** Distances between the clips of a saved run and the truth, by the features of the user's networks. */
import type { Frame } from '../conditioning/frame.js';
import { throwIfAborted } from '../errors.js';
import type { FloatTensor } from '../runtime/tensor.js';
import type { FeatureNetwork } from './features/feature-network.js';
import type { FeatureSet, Rows } from './features/feature-set.js';
import { frechetDistance } from './features/frechet-distance.js';
import { type JackknifeOptions, jackknifeInterval } from './features/jackknife.js';
import { innerProducts, kernelDistanceOf } from './features/kernel-distance.js';
import {
  clipTensor,
  comparedFrames,
  type ProtocolName,
  pictureTensor,
  protocolOf,
  type VideoProtocol,
  whyNotMeasurable,
} from './features/protocols.js';
import { type NotMeasured, type RunScores, type Score, withInterval } from './run-scores.js';
import { commandedClip, readSavedClip, type SavedRun, type SavedSample } from './saved-run.js';

export interface FeatureScoreOptions {
  /** Clips are left out one at a time, or where there are more of them than this, in as many groups; 0: no interval. */
  readonly resamples: number;
  readonly seed: number;
  readonly onProgress?: ((done: number, total: number, what: string) => void) | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

const GIVEN = { included: 'included, the true ones on both sides', 'left out': 'left out' } as const;
/** The published codes cut what follows the point off. */
const ROUNDED = 'colours rounded to 8 bits, not truncated';
const INTERVAL = 'interval by a jackknife that leaves out clips with their truth';

/**
 * FVD and KVD as each of the protocols has them; one that these clips do not allow is told and does not keep the others
 * from being measured. Errors: `invalid-weights`, `engine-failed`, `aborted`.
 */
export async function videoDistances(
  run: SavedRun,
  i3d: FeatureNetwork,
  names: readonly ProtocolName[],
  options: FeatureScoreOptions,
): Promise<Pick<RunScores, 'scores' | 'notMeasured'>> {
  const scores: Score[] = [];
  const notMeasured: NotMeasured[] = [];
  // Protocols that see the same pictures share their features.
  const known = new Map<string, readonly [truth: FeatureSet, made: FeatureSet]>();
  for (const name of names) {
    const protocol = protocolOf(name);
    const { givenFrames, resize, kernelDistances } = protocol;
    const reason = whyNotMeasurable(protocol, run.video);
    if (reason !== undefined) {
      for (const measure of ['fvd', ...kernelDistances] as const)
        notMeasured.push({ name: measure, protocol: name, reason });
      continue;
    }
    const pictures = `${givenFrames}, ${resize}`;
    const tensors = (clip: readonly Frame[], truth: readonly Frame[]): FloatTensor[] => [
      clipTensor(comparedFrames(clip, truth, run.video.givenFrames, protocol), protocol),
    ];
    const sets = known.get(pictures) ?? (await featuresOf(run, i3d, tensors, name, options));
    known.set(pictures, sets);
    scores.push(...(await distancesBy(protocol, sets, i3d.sha256, options)));
  }
  return { scores, notMeasured };
}

async function distancesBy(
  { name, givenFrames, covariance, resize, kernelDistances, caution }: VideoProtocol,
  [truth, made]: readonly [truth: FeatureSet, made: FeatureSet],
  weightsSha256: string,
  options: FeatureScoreOptions,
): Promise<Score[]> {
  const about = {
    of: 'commanded clips and the truth',
    unit: '',
    protocol: [
      `${name}: given frames ${GIVEN[givenFrames]}`,
      `covariance ${covariance}`,
      `${truth.width} logits averaged over time`,
      ROUNDED,
      INTERVAL,
      ...(caution === undefined ? [] : [caution]),
    ].join(', '),
    sampleCount: truth.count,
    resize: `${resize}, bilinear`,
    weightsSha256,
    ...jackknifed(truth.count, options),
  };
  const products = innerProducts(truth, made);
  const measures = {
    fvd: (kept?: Rows) => frechetDistance(truth, made, { covariance, ...(kept && { kept }) }),
    kvd: (kept?: Rows) => kernelDistanceOf(products, { ...(kept && { kept }) }),
    kvd_seer: (kept?: Rows) => kernelDistanceOf(products, { centred: true, ...(kept && { kept }) }),
  };
  const scores: Score[] = [];
  for (const kind of ['fvd', ...kernelDistances] as const) {
    const value = measures[kind]();
    const jackknife = jackknifeOf(`${name}: ${kind}: leaving clips out`, options);
    const interval = await jackknifeInterval(value, truth.count, measures[kind], jackknife);
    scores.push(withInterval({ name: kind, value, ...about }, interval));
  }
  return scores;
}

/** FID of the frames that were imagined. Errors: as `videoDistances`. */
export async function pictureDistance(
  run: SavedRun,
  inception: FeatureNetwork,
  options: FeatureScoreOptions,
): Promise<Score> {
  const { givenFrames } = run.video;
  const tensors = (frames: readonly Frame[]): FloatTensor[] => frames.slice(givenFrames).map(pictureTensor);
  const [truth, made] = await featuresOf(run, inception, tensors, 'fid', options);
  const distance = (kept?: Rows): number => frechetDistance(truth, made, { ...(kept && { kept }) });
  const value = distance();
  const interval = await jackknifeInterval(value, truth.count, distance, {
    ...jackknifeOf('fid: leaving clips out', options),
    rowsPerSample: truth.count / run.samples.length,
  });
  const score: Score = {
    name: 'fid',
    of: 'frames of the commanded clips and of the truth',
    value,
    unit: '',
    protocol: `pytorch-fid: given frames left out, covariance unbiased, ${truth.width} pooled features, ${ROUNDED}, ${INTERVAL}`,
    sampleCount: truth.count,
    resize: 'stretched to 299x299, bilinear',
    weightsSha256: inception.sha256,
    ...jackknifed(run.samples.length, options),
  };
  return withInterval(score, interval);
}

/** Of the truth and of the commanded clips, the rows of a sample beside each other. */
async function featuresOf(
  run: SavedRun,
  network: FeatureNetwork,
  tensors: (clip: readonly Frame[], truth: readonly Frame[]) => FloatTensor[],
  what: string,
  { onProgress, abortSignal }: FeatureScoreOptions,
): Promise<[truth: FeatureSet, made: FeatureSet]> {
  async function* tensorsOf(
    file: (sample: SavedSample) => string,
    side: string,
  ): AsyncGenerator<FloatTensor> {
    for (const [index, sample] of run.samples.entries()) {
      throwIfAborted(abortSignal);
      yield* tensors(await readSavedClip(run, file(sample)), await readSavedClip(run, sample.truth));
      onProgress?.(index + 1, run.samples.length, `${what}: ${side}`);
    }
  }
  return [
    await network.features(tensorsOf(({ truth }) => truth, 'truth')),
    await network.features(tensorsOf((sample) => commandedClip(sample).file, 'clips')),
  ];
}

function jackknifeOf(
  what: string,
  { resamples, seed, onProgress, abortSignal }: FeatureScoreOptions,
): JackknifeOptions {
  const onGroup = (done: number, total: number): void => onProgress?.(done, total, what);
  return { groups: resamples, seed, onGroup, abortSignal };
}

const jackknifed = (
  samples: number,
  { resamples, seed }: FeatureScoreOptions,
): Pick<Score, 'intervalBy' | 'resamples' | 'seed'> => ({
  intervalBy: 'jackknife',
  resamples: Math.min(resamples, samples),
  seed,
});
