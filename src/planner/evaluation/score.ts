/** Every measure of a saved run. What was imagined is read, not made. */
import { AidError } from '../errors.js';
import { pictureDistance, videoDistances } from './feature-scores.js';
import type { FeatureNetwork } from './features/feature-network.js';
import type { LpipsNetwork } from './features/lpips-network.js';
import type { ProtocolName } from './features/protocols.js';
import { followingScore } from './following-score.js';
import { lpipsScore } from './lpips-score.js';
import { pixelScores } from './pixel-scores.js';
import type { NotMeasured, RunScores } from './run-scores.js';
import type { SavedRun } from './saved-run.js';

export interface ScoreOptions {
  readonly lpips?: LpipsNetwork | undefined;
  readonly i3d?: FeatureNetwork | undefined;
  readonly inception?: FeatureNetwork | undefined;
  readonly protocols?: readonly ProtocolName[];
  /**
   * Of FVD and KVD: clips are left out one at a time, or where there are more, in so many groups. 200 unless said
   * otherwise. Of the means of samples always 2000, by bootstrap.
   */
  readonly resamples?: number;
  /** Of FID, whose every group takes seconds for a thousand pictures; 40 unless said otherwise. */
  readonly fidResamples?: number;
  readonly seed?: number;
  readonly onProgress?: (done: number, total: number, what: string) => void;
  readonly abortSignal?: AbortSignal | undefined;
}

/** Errors: `invalid-data`, `invalid-argument`, `invalid-weights`, `engine-failed`, `aborted`. */
export async function scoreRun(run: SavedRun, options: ScoreOptions = {}): Promise<RunScores> {
  const {
    lpips,
    i3d,
    inception,
    protocols = ['seer'],
    resamples = 200,
    fidResamples = 40,
    seed = 1,
  } = options;
  const { onProgress, abortSignal } = options;
  if (run.samples.length < 2)
    throw new AidError(
      'invalid-data',
      `${run.folder}: expected at least 2 samples, got ${run.samples.length}`,
    );
  const common = { seed, onProgress, abortSignal };
  const following = await followingScore(run, common);
  const pixels = await pixelScores(run, common);
  const scores = [...pixels.scores];
  const notMeasured: NotMeasured[] = [];
  let { samples } = pixels;
  if (lpips !== undefined) {
    const looks = await lpipsScore(run, lpips, common);
    if (looks.score !== undefined) scores.push(looks.score);
    if (looks.notMeasured !== undefined) notMeasured.push(looks.notMeasured);
    samples = samples.map((sample, index) => {
      const value = looks.bySample[index];
      return value === undefined ? sample : { ...sample, lpips: value };
    });
  }
  if (i3d !== undefined) {
    const videos = await videoDistances(run, i3d, protocols, { ...common, resamples });
    scores.push(...videos.scores);
    notMeasured.push(...videos.notMeasured);
  }
  if (inception !== undefined)
    scores.push(await pictureDistance(run, inception, { ...common, resamples: fidResamples }));
  const { sha256, model, data, sampling } = run;
  return {
    run: { sha256, modelSha256: model.sha256, data, sampling },
    ...(following === undefined ? {} : { following }),
    ...pixels,
    samples,
    scores,
    notMeasured,
  };
}
