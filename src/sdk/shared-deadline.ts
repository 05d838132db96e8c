/** One deadline for several clips. */
import { AidError } from '../planner/errors.js';

/**
 * Milliseconds from now, shared evenly among clips: each gets its part of what is left when it begins, so that what
 * one does not need goes to those after it.
 */
export class SharedDeadline {
  readonly #endMs: number;
  #clipsToBegin: number;

  /** Errors: `invalid-argument`. */
  constructor(deadlineMs: number, numClips: number) {
    if (!Number.isFinite(deadlineMs))
      throw new AidError('invalid-argument', `deadlineMs: expected a number, got ${deadlineMs}`);
    if (!Number.isInteger(numClips) || numClips < 1)
      throw new AidError(
        'invalid-argument',
        `numClips: expected a whole number of at least 1, got ${numClips}`,
      );
    this.#endMs = performance.now() + deadlineMs;
    this.#clipsToBegin = numClips;
  }

  /** Milliseconds until the deadline. */
  get leftMs(): number {
    return this.#endMs - performance.now();
  }

  /** Milliseconds for the clip that begins now, of those that `concurrency` at a time are imagined; 0: none are left. */
  next(concurrency = 1): number {
    const rounds = Math.max(1, Math.ceil(this.#clipsToBegin / concurrency));
    this.#clipsToBegin -= 1;
    return Math.max(0, this.leftMs / rounds);
  }
}
