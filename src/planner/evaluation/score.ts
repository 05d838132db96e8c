/** Every measure of a saved run. What was imagined is read, not made. */
import type { Frame } from '../conditioning/frame.js';
import { AidError, throwIfAborted } from '../errors.js';
import { frechetInterval, kernelInterval } from './features/bootstrap.js';
import type { FeatureNetwork } from './features/feature-network.js';
import { clipTensor, type ProtocolName, pictureTensor, protocolOf } from './features/protocols.js';
import { bootstrapInterval, type Interval } from './intervals.js';
import { decibels, meanSquaredError, ssim } from './metrics.js';
import {
  readSavedClip,
  type SavedClip,
  type SavedClipKind,
  type SavedRun,
  type SavedSample,
} from './saved-run.js';
import { centered, centeredKernelDistance, frechetDistance, kernelDistance } from './video-distance.js';

/** A number with everything that it depends on. */
export interface Score {
  readonly name: 'psnr' | 'ssim' | 'fvd' | 'kvd' | 'kvd_seer' | 'fid' | 'sensitivity';
  /** What is compared, in words. */
  readonly of: string;
  readonly value: number;
  /** 95 %, bootstrapped over samples. Absent where it was not asked for. */
  readonly interval?: Interval;
  readonly unit: string;
  readonly protocol: string;
  /** Clips on each side; of `fid`, pictures. */
  readonly sampleCount: number;
  /** What the network saw; `none` where pixels are compared as they are. */
  readonly resize: string;
  /** Of the network that made the features. */
  readonly weightsSha256?: string;
  readonly resamples: number;
  readonly seed: number;
}

/** How much a clip changes with the command alone: the same noise, another instruction. */
export interface Sensitivity {
  readonly kind: 'swapped' | 'blank' | 'another';
  readonly count: number;
  /** Mean absolute difference of each frame in turn, of 255. */
  readonly byFrame: readonly number[];
}

export interface SampleScore {
  readonly name: string;
  /** dB, of each frame of the commanded clip; null: exactly the truth. */
  readonly psnrByFrame: readonly (number | null)[];
  readonly psnr: number;
  readonly ssim: number;
}

export interface RunScores {
  readonly scores: readonly Score[];
  readonly psnrByFrame: readonly number[];
  readonly sensitivity: readonly Sensitivity[];
  readonly samples: readonly SampleScore[];
}

export interface ScoreOptions {
  readonly i3d?: FeatureNetwork | undefined;
  readonly inception?: FeatureNetwork | undefined;
  readonly protocols?: readonly ProtocolName[];
  /** Of FVD and KVD, whose every resample takes seconds; of the means of samples always 2000. 100 unless said otherwise. */
  readonly resamples?: number;
  /** Of FID, whose every resample takes minutes at 2048 features; none unless said otherwise. */
  readonly fidResamples?: number;
  readonly seed?: number;
  readonly onProgress?: (done: number, total: number, what: string) => void;
  readonly abortSignal?: AbortSignal | undefined;
}

/** Errors: `invalid-data`, `invalid-argument`, `engine-failed`, `aborted`. */
export async function scoreRun(run: SavedRun, options: ScoreOptions = {}): Promise<RunScores> {
  const { i3d, inception, protocols = ['seer'], resamples = 100, fidResamples = 0, seed = 1 } = options;
  if (run.samples.length < 2)
    throw new AidError(
      'invalid-data',
      `${run.folder}: expected at least 2 samples, got ${run.samples.length}`,
    );
  const pixels = await pixelScores(run, options);
  const scores = [...pixels.scores];
  if (i3d !== undefined) {
    for (const name of protocols) {
      const protocol = protocolOf(name);
      const tensors = (file: (sample: SavedSample) => string, what: string) =>
        mapped(run, file, what, options, (frames) => [clipTensor(frames, run.video.givenFrames, protocol)]);
      const truth = await i3d.features(tensors(({ truth }) => truth, `${name}: truth`));
      const made = await i3d.features(tensors(commandedFile, `${name}: clips`));
      const about = {
        of: 'commanded clips and the truth',
        unit: '',
        protocol: `${name}: given frames ${protocol.givenFrames}, covariance ${protocol.covariance}, ${truth.width} logits averaged over time`,
        sampleCount: truth.count,
        resize: `${protocol.resize}, bilinear`,
        weightsSha256: i3d.sha256,
        resamples,
        seed,
      };
      const bootstrap = { resamples, seed };
      const fvd = frechetDistance(truth, made, protocol.covariance);
      const fvdInterval = frechetInterval(fvd, truth, made, protocol.covariance, bootstrap);
      scores.push(withInterval({ name: 'fvd', value: fvd, ...about }, fvdInterval));
      for (const kind of protocol.kernelDistances) {
        const [a, b] = kind === 'kvd' ? [truth, made] : [centered(truth), centered(made)];
        const value = kind === 'kvd' ? kernelDistance(truth, made) : centeredKernelDistance(truth, made);
        scores.push(withInterval({ name: kind, value, ...about }, kernelInterval(value, a, b, bootstrap)));
      }
    }
  }
  if (inception !== undefined) {
    const { givenFrames } = run.video;
    const tensors = (file: (sample: SavedSample) => string, what: string) =>
      mapped(run, file, what, options, (frames) => frames.slice(givenFrames).map(pictureTensor));
    const truth = await inception.features(tensors(({ truth }) => truth, 'fid: truth'));
    const made = await inception.features(tensors(commandedFile, 'fid: pictures'));
    const value = frechetDistance(truth, made);
    const score: Score = {
      name: 'fid',
      of: 'frames of the commanded clips and of the truth',
      value,
      unit: '',
      protocol: `pytorch-fid: given frames left out, covariance unbiased, ${truth.width} pooled features`,
      sampleCount: truth.count,
      resize: 'stretched to 299x299, bilinear',
      weightsSha256: inception.sha256,
      resamples: fidResamples,
      seed,
    };
    const bootstrap = { resamples: fidResamples, seed };
    scores.push(withInterval(score, frechetInterval(value, truth, made, 'unbiased', bootstrap)));
  }
  return { ...pixels, scores };
}

function withInterval(score: Score, interval: Interval | undefined): Score {
  return interval === undefined ? score : { ...score, interval };
}

const clipOf = ({ clips }: SavedSample, kind: SavedClipKind): SavedClip | undefined =>
  clips.find((clip) => clip.kind === kind);

function commandedFile(sample: SavedSample): string {
  const clip = clipOf(sample, 'commanded');
  if (clip === undefined) throw new AidError('invalid-data', `${sample.name}: no commanded clip`);
  return clip.file;
}

async function* mapped<Item>(
  run: SavedRun,
  file: (sample: SavedSample) => string,
  what: string,
  { onProgress, abortSignal }: ScoreOptions,
  map: (frames: readonly Frame[]) => readonly Item[],
): AsyncGenerator<Item> {
  for (const [index, sample] of run.samples.entries()) {
    throwIfAborted(abortSignal);
    yield* map(await readSavedClip(run, file(sample)));
    onProgress?.(index + 1, run.samples.length, what);
  }
}

const SENSITIVE = ['swapped', 'blank', 'another'] as const;

async function pixelScores(
  run: SavedRun,
  { onProgress, abortSignal, seed = 1 }: ScoreOptions,
): Promise<RunScores> {
  const samples: SampleScore[] = [];
  const errors: number[][] = [];
  const differences = new Map<Sensitivity['kind'], number[][]>(SENSITIVE.map((kind) => [kind, []]));
  for (const [index, sample] of run.samples.entries()) {
    throwIfAborted(abortSignal);
    const truth = await readSavedClip(run, sample.truth);
    const made = await readSavedClip(run, commandedFile(sample));
    const byFrame = made.map((frame, i) => meanSquaredError([frame], [truth[i] as Frame]));
    errors.push(byFrame);
    samples.push({
      name: sample.name,
      psnrByFrame: byFrame.map((error) => (error === 0 ? null : decibels(error))),
      psnr: decibels(mean(byFrame)),
      ssim: ssim(made, truth),
    });
    for (const kind of SENSITIVE) {
      const clip = clipOf(sample, kind);
      if (clip === undefined) continue;
      const other = await readSavedClip(run, clip.file);
      differences.get(kind)?.push(made.map((frame, i) => meanAbsoluteDifference(frame, other[i] as Frame)));
    }
    onProgress?.(index + 1, run.samples.length, 'comparing pixels');
  }
  const about = { sampleCount: samples.length, resize: 'none', resamples: 2000, seed };
  const protocol = `8-bit RGB at ${run.video.width}x${run.video.height}, all ${run.video.numFrames} frames, the ${run.video.givenFrames} given included; first seed; mean over samples`;
  const scoreOf = (
    name: Score['name'],
    of: string,
    unit: string,
    values: readonly number[],
    how: string,
  ): Score =>
    withInterval(
      { name, of, value: mean(values), unit, protocol: how, ...about, sampleCount: values.length },
      bootstrapInterval(values, { seed }),
    );
  const compared = 'commanded clips and the truth';
  const sensitivity = SENSITIVE.flatMap((kind): Sensitivity[] => {
    const curves = differences.get(kind) ?? [];
    if (curves.length === 0) return [];
    return [{ kind, count: curves.length, byFrame: columns(curves).map(mean) }];
  });
  return {
    scores: [
      scoreOf(
        'psnr',
        compared,
        'dB',
        samples.map((each) => each.psnr),
        protocol,
      ),
      scoreOf(
        'ssim',
        compared,
        '',
        samples.map((each) => each.ssim),
        `${protocol}; scikit-image's default`,
      ),
      ...sensitivity.map(({ kind }) =>
        scoreOf(
          'sensitivity',
          SENSITIVITY_OF[kind],
          'of 255',
          (differences.get(kind) ?? []).map(mean),
          'mean absolute difference of pixels from the commanded clip; mean over samples',
        ),
      ),
    ],
    psnrByFrame: columns(errors).map((each) => decibels(mean(each))),
    sensitivity,
    samples,
  };
}

const SENSITIVITY_OF: Readonly<Record<Sensitivity['kind'], string>> = {
  swapped: 'another command, the same noise',
  blank: 'no command, the same noise',
  another: 'the same command, other noise',
};

/** Of two frames, over all pixels and colours. */
export function meanAbsoluteDifference(a: Frame, b: Frame): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += Math.abs((a.data[i] as number) - (b.data[i] as number));
  return sum / a.data.length;
}

function columns(rows: readonly (readonly number[])[]): number[][] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] as number));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
