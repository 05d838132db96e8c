/** Measures of pixels: likeness to the truth, and how much a clip changes with the command alone. */
import type { Frame } from '../conditioning/frame.js';
import { throwIfAborted } from '../errors.js';
import { mean } from '../mean.js';
import { DifferenceSum } from './difference-map.js';
import { bootstrapInterval } from './intervals.js';
import { decibels, meanSquaredError, ssim } from './metrics.js';
import {
  type RunScores,
  type SampleScore,
  type Score,
  type Sensitivity,
  withInterval,
} from './run-scores.js';
import { clipOf, commandedClip, readSavedClip, type SavedRun } from './saved-run.js';

export interface PixelScoreOptions {
  readonly seed: number;
  readonly onProgress?: ((done: number, total: number, what: string) => void) | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

/** Of means over samples, which cost nothing. */
export const MEAN_RESAMPLES = 2000;

const KINDS = ['swapped', 'blank', 'another'] as const satisfies readonly Sensitivity['kind'][];
const SENSITIVITY_OF: Readonly<Record<Sensitivity['kind'], string>> = {
  swapped: 'another command, the same noise',
  blank: 'no command, the same noise',
  another: 'the same command, other noise',
};

/** Errors: `invalid-data`, `aborted`. */
export async function pixelScores(
  run: SavedRun,
  { seed, onProgress, abortSignal }: PixelScoreOptions,
): Promise<Omit<RunScores, 'run' | 'following'>> {
  const { width, height, numFrames, givenFrames } = run.video;
  const samples: SampleScore[] = [];
  const errors: number[][] = [];
  const changes = KINDS.map((kind) => ({ kind, curves: [] as number[][], where: new DifferenceSum() }));
  for (const [index, sample] of run.samples.entries()) {
    throwIfAborted(abortSignal);
    const truth = await readSavedClip(run, sample.truth);
    const made = await readSavedClip(run, commandedClip(sample).file);
    const byFrame = made.map((frame, i) => meanSquaredError([frame], [truth[i] as Frame]));
    errors.push(byFrame);
    samples.push({
      name: sample.name,
      psnrByFrame: byFrame.map((error) => (error === 0 ? null : decibels(error))),
      psnr: decibels(mean(byFrame)),
      ssim: ssim(made, truth),
    });
    for (const { kind, curves, where } of changes) {
      const clip = clipOf(sample, kind);
      if (clip === undefined) continue;
      const other = await readSavedClip(run, clip.file);
      curves.push(made.map((frame, i) => meanAbsoluteDifference(frame, other[i] as Frame)));
      for (let i = givenFrames; i < made.length; i++) where.add(made[i] as Frame, other[i] as Frame);
    }
    onProgress?.(index + 1, run.samples.length, 'comparing pixels');
  }
  const scoreOf = (
    about: Pick<Score, 'name' | 'of' | 'unit' | 'protocol'>,
    values: readonly number[],
  ): Score =>
    withInterval(
      {
        ...about,
        value: mean(values),
        sampleCount: values.length,
        resize: 'none',
        intervalBy: 'bootstrap',
        resamples: MEAN_RESAMPLES,
        seed,
      },
      bootstrapInterval(values, { seed, resamples: MEAN_RESAMPLES }),
    );
  const of = 'commanded clips and the truth';
  const protocol = `8-bit RGB at ${width}x${height}, all ${numFrames} frames, the ${givenFrames} given included; first seed; mean over samples`;
  const sensitivity = changes.flatMap(({ kind, curves, where }): Sensitivity[] => {
    const byPlace = where.map();
    if (byPlace === undefined) return [];
    return [{ kind, count: curves.length, byFrame: columns(curves).map(mean), byPlace }];
  });
  return {
    scores: [
      scoreOf(
        { name: 'psnr', of, unit: 'dB', protocol },
        samples.map((each) => each.psnr),
      ),
      scoreOf(
        { name: 'ssim', of, unit: '', protocol: `${protocol}; scikit-image's default` },
        samples.map((each) => each.ssim),
      ),
      ...changes
        .filter(({ curves }) => curves.length > 0)
        .map(({ kind, curves }) =>
          scoreOf(
            {
              name: 'sensitivity',
              of: SENSITIVITY_OF[kind],
              unit: 'of 255',
              protocol: 'mean absolute difference of pixels from the commanded clip; mean over samples',
            },
            curves.map(mean),
          ),
        ),
    ],
    notMeasured: [],
    psnrByFrame: columns(errors).map((each) => decibels(mean(each))),
    sensitivity,
    samples,
  };
}

/** Of two frames, over all pixels and colours. */
function meanAbsoluteDifference(a: Frame, b: Frame): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += Math.abs((a.data[i] as number) - (b.data[i] as number));
  return sum / a.data.length;
}

function columns(rows: readonly (readonly number[])[]): number[][] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] as number));
}
