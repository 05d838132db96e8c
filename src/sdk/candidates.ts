/** Several futures of one frame, ranked. */
import { setMaxListeners } from 'node:events';
import {
  catchError,
  concat,
  defer,
  finalize,
  from,
  fromEvent,
  map,
  mergeMap,
  type Observable,
  of,
  takeUntil,
  tap,
  throwError,
} from 'rxjs';
import { anySignal, checkAbortSignal } from '../planner/abort-signal.js';
import type { StatePrompt } from '../planner/conditioning/state-prompter.js';
import { drawnSeed } from '../planner/drawn-seed.js';
import { AidError, type AidErrorCode, kindOf } from '../planner/errors.js';
import { DeadlineExceededError } from '../planner/imagination/deadline.js';
import type { FrameEvent, ImagineEvent, StepEvent } from '../planner/imagination/events.js';
import type { Observation } from '../planner/imagination/observation.js';
import {
  checkFrames,
  checkIsRequest,
  type ImagineRequest,
  isObserved,
} from '../planner/imagination/request.js';
import { type Pace, paced } from './from-events.js';
import { imagine } from './imagine.js';
import { MAX_CANDIDATES } from './max-candidates.js';
import type { Planner } from './planner.js';
import {
  byAgreement,
  type Candidate,
  type CandidateName,
  type Rank,
  type Ranking,
  rankAll,
} from './ranking.js';
import { SharedDeadline } from './shared-deadline.js';

/** Every instruction is imagined with every seed. */
export interface CandidatesRequest extends Omit<ImagineRequest, 'instruction' | 'seed' | 'deadlineMs'> {
  readonly instruction: string | readonly string[];
  /** How many, drawn, or which ones; 1 unless said otherwise. Each instruction starts from the same ones. */
  readonly seeds?: number | readonly number[];
  /** Decides the order; see `byAgreement` for what does when there is none. */
  readonly rank?: Rank;
  /** Clips imagined, and ranked, at the same time; 1 unless said otherwise: a cluster gains from more. */
  readonly concurrency?: number;
  /**
   * Milliseconds for all clips together, looking at the frames included and ranking them not; each clip gets its part
   * of what is left when it begins. Or a deadline that other candidates share as well. A clip that is not done in time
   * fails, and the others are ranked.
   */
  readonly deadlineMs?: number | SharedDeadline;
  /** Backpressure: see `imagine`. */
  readonly pace?: Pace<CandidatesEvent>;
}

export type CandidatesEvent =
  | ({ readonly kind: 'candidate-step' } & CandidateName & Omit<StepEvent, 'kind'>)
  | ({ readonly kind: 'candidate-frame' } & CandidateName & Omit<FrameEvent, 'kind'>)
  | ({ readonly kind: 'candidate-end' } & Candidate)
  | ({ readonly kind: 'candidate-failed' } & FailedCandidate)
  | CandidatesEnd;

/** A clip that could not be had, while the others go on. */
export interface FailedCandidate extends CandidateName {
  readonly error: AidError;
}

export interface CandidatesEnd extends Ranking {
  readonly kind: 'end';
  /** Those that are not ranked. */
  readonly failed: readonly FailedCandidate[];
}

/** What is wrong with the request is wrong with every clip of it. */
const OF_ALL: readonly AidErrorCode[] = ['invalid-argument', 'invalid-image', 'aborted'];

/**
 * Imagines all candidates from one observation of the frames, with states written once for each instruction, then
 * ranks them. Unsubscribing stops them all. A candidate that fails, by its deadline or by the engine, is told by an
 * event and the others go on. Errors: `invalid-argument`, `invalid-image`, `aborted`; what `rank` throws; where no
 * candidate was left to rank, what the first one failed with.
 *
 *     candidates(planner, { frames, instruction: 'stack the red cube on the blue cube', seeds: 4 })
 */
export function candidates(planner: Planner, request: CandidatesRequest): Observable<CandidatesEvent> {
  return defer(() => {
    checkIsRequest(request);
    checkFrames(request.frames);
    checkAbortSignal(request.abortSignal);
    const {
      instruction,
      seeds = 1,
      rank = byAgreement,
      concurrency = 1,
      deadlineMs,
      pace,
      ...rest
    } = request;
    const names = namesOf(instruction, seeds);
    if (!Number.isInteger(concurrency) || concurrency < 1)
      throw new AidError(
        'invalid-argument',
        `concurrency: expected a whole number of at least 1, got ${concurrency}`,
      );
    if (typeof rank !== 'function')
      throw new AidError('invalid-argument', `rank: expected a function, got ${kindOf(rank)}`);
    const deadline = deadlineOf(deadlineMs, names.length);
    const left = new AbortController();
    const abortSignal = anySignal(request.abortSignal, left.signal);
    // Each clip, and each ranking, listens to it, as many as there are at a time.
    setMaxListeners(0, abortSignal);
    const common = commonTo(names, planner, request, abortSignal);
    const done: Candidate[] = [];
    const failed: FailedCandidate[] = [];

    const aborted = defer(() => (abortSignal.aborted ? of(null) : fromEvent(abortSignal, 'abort')));
    /** Who aborts does not wait for `pace`. */
    const leavable: Pace<CandidatesEvent> | undefined =
      pace && ((event) => from(pace(event)).pipe(takeUntil(aborted)));
    const clip = (name: CandidateName): Observable<CandidatesEvent> => {
      const leftMs = deadline?.next(concurrency);
      if (leftMs === 0) return throwError(noTimeLeft);
      const { instruction: text, seed } = name;
      const limit = leftMs === undefined ? {} : { deadlineMs: leftMs };
      const options = pace === undefined ? {} : { pace: (event: ImagineEvent) => pace(named(name, event)) };
      return imagine(planner, { ...rest, ...common(text), ...limit, instruction: text, seed }, options).pipe(
        map((event) => named(name, event)),
      );
    };
    const clips = from(names).pipe(
      mergeMap(
        (name) =>
          defer(() => clip(name)).pipe(
            catchError((error: unknown) => {
              if (!AidError.isInstance(error) || OF_ALL.includes(error.code)) return throwError(() => error);
              failed.push({ ...name, error });
              return paced(of<CandidatesEvent>({ kind: 'candidate-failed', ...name, error }), leavable);
            }),
          ),
        concurrency,
      ),
      tap((event) => {
        if (event.kind === 'candidate-end') done.push(event);
      }),
    );
    const end = async (): Promise<CandidatesEnd> => {
      const [first] = failed;
      if (done.length === 0 && first !== undefined) throw first.error;
      return { kind: 'end', ...(await rankAll(done, rank, { concurrency, abortSignal })), failed };
    };
    const events = concat(
      clips,
      paced(
        defer(() => from(end())),
        leavable,
      ),
    );
    return events.pipe(finalize(() => left.abort()));
  });
}

function deadlineOf(
  deadlineMs: CandidatesRequest['deadlineMs'],
  numClips: number,
): SharedDeadline | undefined {
  if (deadlineMs === undefined || deadlineMs instanceof SharedDeadline) return deadlineMs;
  if (!(typeof deadlineMs === 'number' && deadlineMs > 0))
    throw new AidError('invalid-argument', `deadlineMs: expected a positive number, got ${deadlineMs}`);
  return new SharedDeadline(deadlineMs, numClips);
}

function noTimeLeft(): DeadlineExceededError {
  return new DeadlineExceededError('no time was left for the clip to begin', new Map(), 0, []);
}

/** What all clips, and those of one instruction, have in common: made once, when the first one needs it. */
function commonTo(
  names: readonly CandidateName[],
  planner: Planner,
  { frames, states }: Pick<CandidatesRequest, 'frames' | 'states'>,
  abortSignal: AbortSignal,
): (instruction: string) => Pick<ImagineRequest, 'frames' | 'states'> {
  let observation: Promise<Observation> | undefined;
  const prompts = new Map<string, Promise<StatePrompt>>();
  const look = (): ImagineRequest['frames'] => {
    if (names.length === 1 || isObserved(frames)) return frames;
    observation ??= quiet(planner.observe(frames, { abortSignal }));
    return observation;
  };
  return (instruction) => {
    const seen = look();
    const clips = names.filter((name) => name.instruction === instruction).length;
    if (states !== undefined || clips === 1 || !isObserved(seen))
      return states === undefined ? { frames: seen } : { frames: seen, states };
    const write = async (): Promise<StatePrompt> =>
      planner.writeStates(await seen, instruction, { abortSignal });
    const prompt = prompts.get(instruction) ?? quiet(write());
    prompts.set(instruction, prompt);
    return { frames: seen, states: prompt };
  };
}

/** A failure is heard by the clips that wait for it; there may be none any more. */
function quiet<Result>(work: Promise<Result>): Promise<Result> {
  work.catch(() => undefined);
  return work;
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

function namesOf(
  instruction: string | readonly string[],
  seeds: number | readonly number[],
): CandidateName[] {
  const instructions = [...new Set([instruction].flat())];
  if (typeof seeds === 'number' ? !(Number.isInteger(seeds) && seeds >= 1) : !Array.isArray(seeds))
    throw new AidError(
      'invalid-argument',
      `seeds: expected a whole number of at least 1, or a list of seeds, got ${seeds}`,
    );
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
