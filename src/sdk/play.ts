/** A clip at the pace of a clock on the wall. */
import { asyncScheduler, defer, map, type Observable, type SchedulerLike, take, timer } from 'rxjs';
import type { Frame } from '../planner/conditioning/frame.js';
import { AidError } from '../planner/errors.js';

export interface PlayOptions {
  readonly framesPerSecond: number;
  /** Plays until it is unsubscribed. */
  readonly loop?: boolean;
  readonly scheduler?: SchedulerLike;
}

/** The frame that is to be shown now. */
export interface PlayedFrame {
  /** Its place in the clip, from 0. */
  readonly index: number;
  readonly frame: Frame;
}

/** The first frame at once, each later one when its time comes. Errors: `invalid-argument`. */
export function play(
  frames: readonly Frame[],
  { framesPerSecond, loop = false, scheduler = asyncScheduler }: PlayOptions,
): Observable<PlayedFrame> {
  return defer(() => {
    if (!(framesPerSecond > 0 && Number.isFinite(framesPerSecond)))
      throw new AidError(
        'invalid-argument',
        `framesPerSecond: expected a positive number, got ${framesPerSecond}`,
      );
    if (frames.length === 0) throw new AidError('invalid-argument', 'frames: expected at least one');
    const ticks = timer(0, 1000 / framesPerSecond, scheduler);
    const shown = loop ? ticks : ticks.pipe(take(frames.length));
    return shown.pipe(
      map((tick) => tick % frames.length),
      map((index) => ({ index, frame: frames[index] as Frame })),
    );
  });
}
