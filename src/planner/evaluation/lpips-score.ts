/** LPIPS of a saved run. */
import { throwIfAborted } from '../errors.js';
import { mean } from '../mean.js';
import { LPIPS_MIN_SIZE } from '../models/lpips.js';
import type { LpipsNetwork } from './features/lpips-network.js';
import { bootstrapInterval } from './intervals.js';
import { MEAN_RESAMPLES, type PixelScoreOptions } from './pixel-scores.js';
import { type NotMeasured, type Score, withInterval } from './run-scores.js';
import { commandedClip, readSavedClip, type SavedRun } from './saved-run.js';

export interface LpipsScore {
  /** Absent where the frames are too small for it. */
  readonly score?: Score;
  readonly notMeasured?: NotMeasured;
  /** Of each sample, the mean over its frames. */
  readonly bySample: readonly number[];
}

/** Errors: `invalid-data`, `invalid-weights`, `engine-failed`, `aborted`. */
export async function lpipsScore(
  run: SavedRun,
  network: LpipsNetwork,
  { seed, onProgress, abortSignal }: PixelScoreOptions,
): Promise<LpipsScore> {
  const { width, height, numFrames, givenFrames } = run.video;
  if (Math.min(width, height) < LPIPS_MIN_SIZE) {
    const reason = `expected sides of at least ${LPIPS_MIN_SIZE}, got ${width}x${height}`;
    return { notMeasured: { name: 'lpips', protocol: 'alex', reason }, bySample: [] };
  }
  const bySample: number[] = [];
  for (const [index, sample] of run.samples.entries()) {
    throwIfAborted(abortSignal);
    const made = await readSavedClip(run, commandedClip(sample).file);
    bySample.push(mean(await network.distances(made, await readSavedClip(run, sample.truth))));
    onProgress?.(index + 1, run.samples.length, 'lpips');
  }
  const score: Score = {
    name: 'lpips',
    of: 'commanded clips and the truth',
    value: mean(bySample),
    unit: '',
    protocol: `version 0.1 on AlexNet, at ${width}x${height}, all ${numFrames} frames, the ${givenFrames} given included; first seed; mean over frames, then over samples`,
    sampleCount: bySample.length,
    resize: 'none',
    weightsSha256: network.sha256,
    intervalBy: 'bootstrap',
    resamples: MEAN_RESAMPLES,
    seed,
  };
  return {
    score: withInterval(score, bootstrapInterval(bySample, { seed, resamples: MEAN_RESAMPLES })),
    bySample,
  };
}
