/** Which of several futures is the best, and how far they agree. */
import { from, lastValueFrom, mergeMap, toArray } from 'rxjs';
import type { Frame } from '../planner/conditioning/frame.js';
import { AidError, kindOf, throwIfAborted } from '../planner/errors.js';
import type { ClipReport } from '../planner/imagination/events.js';
import { unlessAborted } from '../planner/imagination/unless-aborted.js';
import { inTurns } from '../planner/turns.js';
import { type ClipSum, distanceFromMean, type Spread, spreadInSteps, sumInSteps } from './spread.js';

/** Which clip it is. */
export interface CandidateName {
  /** Counts from 0, the seeds of the first instruction first. */
  readonly candidate: number;
  readonly instruction: string;
  readonly seed: number;
}

export interface Candidate extends CandidateName {
  readonly frames: readonly Frame[];
  readonly report: ClipReport;
}

export interface RankedCandidate extends Candidate {
  /** The higher the better. */
  readonly score: number;
  /** Why it has that score, for people. */
  readonly reason: string;
}

/** What else a ranking may look at. */
export interface RankContext {
  readonly candidates: readonly Candidate[];
  /** The spread over seeds of the candidate's instruction; undefined when it has one clip only. */
  readonly spread: Spread | undefined;
  /** Aborts when nobody waits for the ranking any more. */
  readonly abortSignal: AbortSignal;
}

/**
 * A score, the higher the better, with a reason or without. Called once for each candidate when all are there, for as
 * many at a time as clips are imagined.
 */
export type Rank = (candidate: Candidate, context: RankContext) => Score | Promise<Score>;
export type Score = number | { readonly score: number; readonly reason: string };

export interface Ranking {
  /** The best first; equal ones in the order of their numbers. */
  readonly ranked: readonly RankedCandidate[];
  /**
   * By instruction, where there are two clips or more: where they agree the model is sure of what it shows, where they
   * differ it guesses. That it is sure does not make it right.
   */
  readonly spreads: ReadonlyMap<string, Spread>;
}

/** Of candidates that are being ranked, by instruction: added up once, not for each of them. */
const sums = new WeakMap<readonly Candidate[], Map<string, Promise<ClipSum>>>();

/**
 * The default ranking, by how typical a clip is of its instruction: minus its mean absolute difference from the mean
 * of that instruction's clips, colours from 0 to 1. An instruction's only clip has 0.
 */
export const byAgreement: Rank = async ({ frames, instruction }, { candidates: all }) => {
  const same = all.filter((other) => other.instruction === instruction);
  if (same.length === 1) return { score: 0, reason: 'the only clip of its instruction' };
  const known = sums.get(all) ?? new Map<string, Promise<ClipSum>>();
  sums.set(all, known);
  const sum = known.get(instruction) ?? inTurns(sumInSteps(same.map((each) => each.frames)));
  known.set(instruction, sum);
  const distance = await inTurns(distanceFromMean(frames, await sum));
  return {
    score: -distance,
    reason: `differs by ${(100 * distance).toFixed(2)} % from the mean of ${same.length} clips`,
  };
};

/** Errors: what `rank` throws; `invalid-argument` for a score that is no number; `aborted`. */
export async function rankAll(
  found: readonly Candidate[],
  rank: Rank,
  { concurrency, abortSignal }: { readonly concurrency: number; readonly abortSignal: AbortSignal },
): Promise<Ranking> {
  const all = [...found].sort((a, b) => a.candidate - b.candidate);
  const spreads = new Map<string, Spread>();
  for (const instruction of new Set(all.map((candidate) => candidate.instruction))) {
    throwIfAborted(abortSignal);
    const clips = all.filter((candidate) => candidate.instruction === instruction);
    if (clips.length > 1)
      spreads.set(instruction, await inTurns(spreadInSteps(clips.map(({ frames }) => frames))));
  }
  const score = async (candidate: Candidate): Promise<RankedCandidate> => {
    throwIfAborted(abortSignal);
    const context = { candidates: all, spread: spreads.get(candidate.instruction), abortSignal };
    const given = await unlessAborted(Promise.resolve(rank(candidate, context)), abortSignal);
    const scored = typeof given === 'number' ? { score: given, reason: `scored ${given}` } : given;
    if (typeof scored?.score !== 'number' || Number.isNaN(scored.score))
      throw new AidError(
        'invalid-argument',
        `rank: candidate ${candidate.candidate}: expected a number, got ${scored?.score ?? kindOf(scored)}`,
      );
    return { ...candidate, score: scored.score, reason: scored.reason };
  };
  const ranked = await lastValueFrom(from(all).pipe(mergeMap(score, concurrency), toArray()));
  return {
    ranked: ranked.sort((a, b) => b.score - a.score || a.candidate - b.candidate),
    spreads,
  };
}
