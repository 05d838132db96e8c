/** One clip as an Observable. */
import type { Observable } from 'rxjs';
import type { ImagineEvent } from '../planner/imagination/events.js';
import type { ImagineRequest } from '../planner/imagination/request.js';
import { fromEvents, type Pace } from './from-events.js';
import type { Planner } from './planner.js';

export interface ImagineOptions {
  /**
   * Backpressure: after each event the planner stands still until what this returns has completed. Without it
   * the planner goes on at its own speed and a slower consumer keeps what came in the meantime.
   */
  readonly pace?: Pace<ImagineEvent>;
}

/**
 * Imagines a clip, anew for each subscription: an event for each denoising step, the frames, the end. Unsubscribing
 * stops the work within one denoising step. Errors: those of `VideoPlanner.imagine`, as one `error`.
 *
 *     imagine(planner, { frames: ['frame.png'], instruction: 'put the red cube on the blue plate' })
 *       .pipe(endOnly())
 *       .subscribe(({ frames, report }) => ...);
 */
export function imagine(
  planner: Planner,
  request: ImagineRequest,
  { pace }: ImagineOptions = {},
): Observable<ImagineEvent> {
  // What is wrong with a request is an error of the stream.
  const abortSignal = request?.abortSignal;
  return fromEvents((stop) => planner.imagine({ ...request, abortSignal: stop }), { pace, abortSignal });
}
