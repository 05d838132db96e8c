/** Long video as an Observable. */
import type { Observable, ObservableInput } from 'rxjs';
import type { RolloutEvent, RolloutRequest } from '../planner/imagination/rollout.js';
import { fromEvents, type Pace } from './from-events.js';

/** A `VideoPlanner`, or anything else that imagines long video. */
export interface RolloutPlanner {
  rollout(request: RolloutRequest): ObservableInput<RolloutEvent>;
}

export interface RolloutOptions {
  /** Backpressure: see `imagine`. */
  readonly pace?: Pace<RolloutEvent>;
}

/**
 * Imagines a long video, clip after clip, anew for each subscription. Unsubscribing stops the work within one
 * denoising step. Errors: those of `VideoPlanner.rollout`, as one `error`.
 */
export function rollout(
  planner: RolloutPlanner,
  request: RolloutRequest,
  { pace }: RolloutOptions = {},
): Observable<RolloutEvent> {
  // What is wrong with a request is an error of the stream.
  const abortSignal = request?.abortSignal;
  return fromEvents((stop) => planner.rollout({ ...request, abortSignal: stop }), { pace, abortSignal });
}
