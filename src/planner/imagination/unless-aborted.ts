/** Waiting for what somebody else does. */
import { abortedError, throwIfAborted } from '../errors.js';

/**
 * What `work` gives. Who aborts does not wait for it: it goes on unheard. Not for runs of the engine, whose end has to
 * be waited for. Errors: those of `work`; `aborted`.
 */
export async function unlessAborted<Result>(
  work: Promise<Result>,
  abortSignal: AbortSignal | undefined,
): Promise<Result> {
  if (abortSignal === undefined) return work;
  work.catch(() => undefined);
  throwIfAborted(abortSignal);
  let leave = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(abortedError(abortSignal));
  });
  abortSignal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    abortSignal.removeEventListener('abort', leave);
  }
}
