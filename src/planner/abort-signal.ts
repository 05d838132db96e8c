/** Signals that stop work. */
import { AidError, kindOf } from './errors.js';

/** Aborts when the first of them does. */
export function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

/** Errors: `invalid-argument`. */
export function checkAbortSignal(abortSignal: AbortSignal | undefined): void {
  if (abortSignal !== undefined && typeof abortSignal?.aborted !== 'boolean')
    throw new AidError(
      'invalid-argument',
      `abortSignal: expected an AbortSignal, got ${kindOf(abortSignal)}`,
    );
}
