/** Distances between the clips of a saved run and the truth, by the features of the user's networks. */
import type { Frame } from '../conditioning/frame.js';
import { throwIfAborted } from '../errors.js';
import type { FloatTensor } from '../runtime/tensor.js';
import { type BootstrapOptions, bootstrapAround } from './features/bootstrap.js';
import type { FeatureNetwork } from './features/feature-network.js';
import type { Drawn, FeatureSet } from './features/feature-set.js';
import { frechetDistance } from './features/frechet-distance.js';
import { innerProducts, kernelDistanceOf } from './features/kernel-distance.js';
import { clipTensor, type ProtocolName, pictureTensor, protocolOf } from './features/protocols.js';
import { type Score, withInterval } from './run-scores.js';
import { commandedClip, readSavedClip, type SavedRun, type SavedSample } from './saved-run.js';

export interface FeatureScoreOptions {
  readonly resamples: number;
  readonly seed: number;
  readonly onProgress?: ((done: number, total: number, what: string) => void) | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

/** FVD and KVD as the protocol has them. Errors: `invalid-argument`, `invalid-weights`, `engine-failed`, `aborted`. */
export async function videoDistances(
  run: SavedRun,
  i3d: FeatureNetwork,
  name: ProtocolName,
  options: FeatureScoreOptions,
): Promise<Score[]> {
  const protocol = protocolOf(name);
  const { covariance, givenFrames, resize, kernelDistances } = protocol;
  const tensors = (frames: readonly Frame[]): FloatTensor[] => [
    clipTensor(frames, run.video.givenFrames, protocol),
  ];
  const [truth, made] = await featuresOf(run, i3d, tensors, name, options);
  const about = {
    of: 'commanded clips and the truth',
    unit: '',
    protocol: `${name}: given frames ${givenFrames}, covariance ${covariance}, ${truth.width} logits averaged over time`,
    sampleCount: truth.count,
    resize: `${resize}, bilinear`,
    weightsSha256: i3d.sha256,
    resamples: options.resamples,
    seed: options.seed,
  };
  const products = innerProducts(truth, made);
  const measures = {
    fvd: (drawn?: Drawn) => frechetDistance(truth, made, { covariance, ...(drawn && { drawn }) }),
    kvd: (drawn?: Drawn) => kernelDistanceOf(products, { ...(drawn && { drawn }) }),
    kvd_seer: (drawn?: Drawn) => kernelDistanceOf(products, { centred: true, ...(drawn && { drawn }) }),
  };
  const scores: Score[] = [];
  for (const kind of ['fvd', ...kernelDistances] as const) {
    const value = measures[kind]();
    const bootstrap = bootstrapOf(`${name}: ${kind}: resampling`, options);
    const interval = await bootstrapAround(value, truth.count, measures[kind], bootstrap);
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
  const distance = (drawn?: Drawn): number => frechetDistance(truth, made, { ...(drawn && { drawn }) });
  const value = distance();
  const interval = await bootstrapAround(value, truth.count, distance, {
    ...bootstrapOf('fid: resampling', options),
    rowsPerSample: truth.count / run.samples.length,
  });
  const score: Score = {
    name: 'fid',
    of: 'frames of the commanded clips and of the truth',
    value,
    unit: '',
    protocol: `pytorch-fid: given frames left out, covariance unbiased, ${truth.width} pooled features`,
    sampleCount: truth.count,
    resize: 'stretched to 299x299, bilinear',
    weightsSha256: inception.sha256,
    resamples: options.resamples,
    seed: options.seed,
  };
  return withInterval(score, interval);
}

/** Of the truth and of the commanded clips, the rows of a sample beside each other. */
async function featuresOf(
  run: SavedRun,
  network: FeatureNetwork,
  tensors: (frames: readonly Frame[]) => FloatTensor[],
  what: string,
  options: FeatureScoreOptions,
): Promise<[truth: FeatureSet, made: FeatureSet]> {
  const of = (file: (sample: SavedSample) => string, side: string): Promise<FeatureSet> =>
    network.features(tensorsOf(run, file, tensors, `${what}: ${side}`, options));
  return [await of(({ truth }) => truth, 'truth'), await of((sample) => commandedClip(sample).file, 'clips')];
}

async function* tensorsOf(
  run: SavedRun,
  file: (sample: SavedSample) => string,
  tensors: (frames: readonly Frame[]) => FloatTensor[],
  what: string,
  { onProgress, abortSignal }: FeatureScoreOptions,
): AsyncGenerator<FloatTensor> {
  for (const [index, sample] of run.samples.entries()) {
    throwIfAborted(abortSignal);
    yield* tensors(await readSavedClip(run, file(sample)));
    onProgress?.(index + 1, run.samples.length, what);
  }
}

function bootstrapOf(
  what: string,
  { resamples, seed, onProgress, abortSignal }: FeatureScoreOptions,
): BootstrapOptions {
  const onResample = (done: number, total: number): void => onProgress?.(done, total, what);
  return { resamples, seed, onResample, abortSignal };
}
