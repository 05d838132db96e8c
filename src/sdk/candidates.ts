/** Several futures of one frame, ranked. */
import { concat, defer, from, map, mergeMap, type Observable, of, tap } from 'rxjs';
import type { Frame } from '../planner/conditioning/frame.js';
import { drawnSeed } from '../planner/drawn-seed.js';
import { AidError } from '../planner/errors.js';
import type { ClipReport, FrameEvent, ImagineEvent, StepEvent } from '../planner/imagination/events.js';
import { Observation } from '../planner/imagination/observation.js';
import type { ImagineRequest } from '../planner/imagination/request.js';
import { inTurns } from '../planner/turns.js';
import type { Pace } from './from-events.js';
import { imagine } from './imagine.js';
import type { Planner } from './planner.js';
import { distanceFromMean, type Spread, spreadInSteps } from './spread.js';

/** Every instruction is imagined with every seed. */
export interface CandidatesRequest extends Omit<ImagineRequest, 'instruction' | 'seed'> {
  readonly instruction: string | readonly string[];
  /** How many, drawn, or which ones; 1 unless said otherwise. Each instruction starts from the same ones. */
  readonly seeds?: number | readonly number[];
  /** Decides the order; see `byAgreement` for what does when there is none. */
  readonly rank?: Rank;
  /** Clips imagined at the same time, 1 unless said otherwise: one engine gains nothing from more, a cluster does. */
  readonly concurrency?: number;
  readonly pace?: Pace<CandidatesEvent>;
}

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
  /** The spread over seeds of the candidate's instruction; undefined when it has one seed only. */
  readonly spread: Spread | undefined;
}

/** A score, the higher the better, with a reason or without; called once for each candidate when all are there. */
export type Rank = (candidate: Candidate, context: RankContext) => Score | Promise<Score>;
export type Score = number | { readonly score: number; readonly reason: string };

export type CandidatesEvent =
  | ({ readonly kind: 'candidate-step' } & CandidateName & Omit<StepEvent, 'kind'>)
  | ({ readonly kind: 'candidate-frame' } & CandidateName & Omit<FrameEvent, 'kind'>)
  | ({ readonly kind: 'candidate-end' } & Candidate)
  | CandidatesEnd;

export interface CandidatesEnd {
  readonly kind: 'end';
  /** The best first; equal ones in the order of their numbers. */
  readonly ranked: readonly RankedCandidate[];
  /**
   * By instruction, where there were two seeds or more: where the clips agree the model is sure of what it shows,
   * where they differ it guesses. That it is sure does not make it right.
   */
  readonly spreads: ReadonlyMap<string, Spread>;
}

/**
 * Imagines all candidates from one observation of the frames, then ranks them. Unsubscribing stops them all; the
 * first failure is the `error` of the whole. Errors: those of `imagine`; what `rank` throws; `invalid-argument`.
 *
 *     candidates(planner, { frames, instruction: 'stack the red cube on the blue cube', seeds: 4 })
 */
export function candidates(planner: Planner, request: CandidatesRequest): Observable<CandidatesEvent> {
  const { instruction, seeds = 1, rank = byAgreement, concurrency = 1, pace, frames, ...settings } = request;
  return defer(() => {
    const names = namesOf(instruction, seeds);
    if (!Number.isInteger(concurrency) || concurrency < 1)
      throw new AidError(
        'invalid-argument',
        `concurrency: expected a whole number of at least 1, got ${concurrency}`,
      );
    const done: Candidate[] = [];
    const observed =
      names.length === 1 || Observation.isInstance(frames) ? of(frames) : from(planner.observe(frames));
    const clips = observed.pipe(
      mergeMap((observation) =>
        from(names).pipe(
          mergeMap((name) => {
            const one = { ...settings, frames: observation, instruction: name.instruction, seed: name.seed };
            const options =
              pace === undefined ? {} : { pace: (event: ImagineEvent) => pace(named(name, event)) };
            return imagine(planner, one, options).pipe(map((event) => named(name, event)));
          }, concurrency),
        ),
      ),
      tap((event) => {
        if (event.kind === 'candidate-end') done.push(event);
      }),
    );
    return concat(
      clips,
      defer(() => from(rankAll(done, rank))),
    );
  });
}

/**
 * The default ranking, by how typical a clip is of its instruction: minus its mean absolute difference from the mean
 * of that instruction's clips, colours from 0 to 1. An instruction's only clip has 0.
 */
export const byAgreement: Rank = async ({ candidate, instruction }, { candidates: all }) => {
  const same = all.filter((other) => other.instruction === instruction);
  if (same.length === 1) return { score: 0, reason: 'the only clip of its instruction' };
  const which = same.findIndex((other) => other.candidate === candidate);
  const clips = same.map(({ frames }) => frames);
  const distance = await inTurns(distanceFromMean(which, clips));
  return {
    score: -distance,
    reason: `differs by ${(100 * distance).toFixed(2)} % from the mean of ${same.length} clips`,
  };
};

async function rankAll(found: readonly Candidate[], rank: Rank): Promise<CandidatesEnd> {
  const all = [...found].sort((a, b) => a.candidate - b.candidate);
  const spreads = new Map<string, Spread>();
  for (const instruction of new Set(all.map((candidate) => candidate.instruction))) {
    const clips = all.filter((candidate) => candidate.instruction === instruction);
    if (clips.length > 1)
      spreads.set(instruction, await inTurns(spreadInSteps(clips.map(({ frames }) => frames))));
  }
  const ranked = await Promise.all(
    all.map(async (candidate): Promise<RankedCandidate> => {
      const given = await rank(candidate, { candidates: all, spread: spreads.get(candidate.instruction) });
      const { score, reason } =
        typeof given === 'number' ? { score: given, reason: `scored ${given}` } : given;
      if (Number.isNaN(score))
        throw new AidError(
          'invalid-argument',
          `rank: candidate ${candidate.candidate}: expected a number, got NaN`,
        );
      return { ...candidate, score, reason };
    }),
  );
  return { kind: 'end', ranked: ranked.sort((a, b) => b.score - a.score), spreads };
}

function named(name: CandidateName, event: ImagineEvent): CandidatesEvent {
  switch (event.kind) {
    case 'step':
      return { ...event, ...name, kind: 'candidate-step' };
    case 'frame':
      return { ...event, ...name, kind: 'candidate-frame' };
    case 'end':
      return { ...event, ...name, kind: 'candidate-end' };
  }
}

/** All of them are held until they are ranked. */
const MAX_CANDIDATES = 1000;

function namesOf(
  instruction: string | readonly string[],
  seeds: number | readonly number[],
): CandidateName[] {
  const instructions = [...new Set([instruction].flat())];
  if (typeof seeds === 'number' && !(Number.isInteger(seeds) && seeds >= 1))
    throw new AidError('invalid-argument', `seeds: expected a whole number of at least 1, got ${seeds}`);
  const count = instructions.length * (typeof seeds === 'number' ? seeds : seeds.length);
  if (count > MAX_CANDIDATES)
    throw new AidError('invalid-argument', `candidates: expected at most ${MAX_CANDIDATES}, got ${count}`);
  const each = typeof seeds === 'number' ? drawn(seeds) : [...new Set(seeds)];
  if (instructions.length === 0 || each.length === 0)
    throw new AidError('invalid-argument', 'candidates: expected at least one instruction and one seed');
  return instructions
    .flatMap((text) => each.map((seed) => ({ instruction: text, seed })))
    .map((name, candidate) => ({ candidate, ...name }));
}

/** Different seeds. */
function drawn(count: number): number[] {
  const first = drawnSeed(count);
  return Array.from({ length: count }, (_, i) => first + i);
}
