/** Long work on the caller's thread, cut into pieces between which everything else gets its turn. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Longest work between two turns of the event loop. */
const TURN_MS = 5;

/** A function to await often: it waits for the event loop's next turn when 5 ms have passed since the last. */
export function takingTurns(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < TURN_MS) return;
    await nextTurn();
    since = performance.now();
  };
}

/** Work whose every `yield` is a place to pause. */
export type Steps<Result> = Generator<void, Result, void>;

/** The result of work that pauses for whatever else there is to do. */
export async function inTurns<Result>(steps: Steps<Result>): Promise<Result> {
  const rest = takingTurns();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await rest();
  }
}

/** The result of work that does not pause. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}
