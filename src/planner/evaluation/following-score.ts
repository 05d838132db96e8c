/** Instruction following of a saved run, from the true outcomes that it keeps. */
import type { Frame } from '../conditioning/frame.js';
import { throwIfAborted } from '../errors.js';
import { followingFigures, type JudgedScene } from './following.js';
import { outcomeDistances } from './instruction-following.js';
import type { PixelScoreOptions } from './pixel-scores.js';
import { FOLLOWING_PROTOCOL } from './report-protocol.js';
import type { FollowingScore } from './run-scores.js';
import { readSavedClip, readSavedOutcomes, type SavedRun, type SavedSample } from './saved-run.js';

/** Undefined where the run keeps no outcomes. Errors: `invalid-data`, `invalid-image`, `aborted`. */
export async function followingScore(
  run: SavedRun,
  { onProgress, abortSignal }: Pick<PixelScoreOptions, 'onProgress' | 'abortSignal'>,
): Promise<FollowingScore | undefined> {
  const known = run.samples.filter(({ outcomes }) => outcomes !== undefined);
  if (known.length === 0) return undefined;
  const scenes: JudgedScene[] = [];
  for (const sample of known) {
    throwIfAborted(abortSignal);
    scenes.push(await judgedScene(run, sample));
    onProgress?.(scenes.length, known.length, 'judging last frames');
  }
  return { ...followingFigures(scenes), sampleCount: scenes.length, protocol: FOLLOWING_PROTOCOL };
}

async function judgedScene(run: SavedRun, sample: SavedSample): Promise<JudgedScene> {
  const { commands, commanded, file } = sample.outcomes as NonNullable<SavedSample['outcomes']>;
  const frames = await readSavedOutcomes(run, { commands, commanded, file });
  const clips: JudgedScene['clips'][number][] = [];
  for (const { kind, command = commanded, file: clip } of sample.clips) {
    const last = (await readSavedClip(run, clip)).at(-1) as Frame;
    const distances = outcomeDistances(last, frames);
    clips.push({ kind: kind === 'another' ? 'commanded' : kind, command, distances });
  }
  const [first] = await readSavedClip(run, sample.truth);
  const copyFirst = { distances: outcomeDistances(first as Frame, frames) };
  return { commands, commanded, clips, copyFirst };
}
