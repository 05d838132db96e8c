/** Ctrl-C, and what a service manager sends, as an AbortSignal. */
import { AidError } from '../planner/errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Does `work` with a signal that the first Ctrl-C aborts. A second one ends the process on the spot. */
export async function interruptible<Result>(
  work: (abortSignal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const stopListening = (): void => {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  };
  const interrupt = (signal: NodeJS.Signals): void => {
    stopListening();
    controller.abort(new Error(`stopped by ${signal}`));
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await work(controller.signal);
  } finally {
    stopListening();
  }
}

/** What the promise gives, or `aborted` as soon as the signal says so: for work that cannot be aborted itself. */
export async function orAborted<Result>(promise: Promise<Result>, abortSignal: AbortSignal): Promise<Result> {
  const aborted = (): AidError => new AidError('aborted', 'aborted', { cause: abortSignal.reason });
  if (abortSignal.aborted) throw aborted();
  let abort = (): void => {};
  const interruption = new Promise<never>((_, reject) => {
    abort = () => reject(aborted());
    abortSignal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([promise, interruption]);
  } finally {
    abortSignal.removeEventListener('abort', abort);
  }
}
