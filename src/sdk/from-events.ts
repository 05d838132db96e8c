/** Observables over what a planner gives. */
import {
  concat,
  concatMap,
  from,
  ignoreElements,
  Observable,
  type ObservableInput,
  of,
  type Subscriber,
} from 'rxjs';
import { anySignal, checkAbortSignal } from '../planner/abort-signal.js';
import { abortedError } from '../planner/errors.js';

/** What a consumer needs to be done with an event: nothing is asked of the source before it completes. */
export type Pace<Event> = (event: Event) => ObservableInput<unknown>;

export interface FromEventsOptions<Event> {
  /** Backpressure: after each event the source stands still until what this returns has completed. */
  readonly pace?: Pace<Event> | undefined;
  /** Stops the events with the error `aborted`. */
  readonly abortSignal?: AbortSignal | undefined;
}

/**
 * A cold Observable: every subscription calls `start`; unsubscribing, as `abortSignal` does, aborts the signal that it
 * was given. An iterable is asked for one event at a time, and not before `pace` is done with the one before; when it
 * is aborted the error comes when the iteration has ended, and with it the work. An Observable cannot be asked to
 * wait; its events do.
 */
export function fromEvents<Event>(
  start: (abortSignal: AbortSignal) => ObservableInput<Event>,
  { pace, abortSignal }: FromEventsOptions<Event> = {},
): Observable<Event> {
  return new Observable<Event>((subscriber) => {
    checkAbortSignal(abortSignal);
    const controller = new AbortController();
    subscriber.add(() => controller.abort());
    const stop = anySignal(abortSignal, controller.signal);
    let events: ObservableInput<Event>;
    try {
      events = start(stop);
    } catch (error) {
      subscriber.error(error);
      return;
    }
    if (isAsyncIterable(events)) {
      void pump(events, subscriber, pace, stop);
      return;
    }
    const abort = (): void => subscriber.error(abortedError(stop));
    if (stop.aborted) {
      abort();
      return;
    }
    stop.addEventListener('abort', abort, { once: true });
    subscriber.add(() => stop.removeEventListener('abort', abort));
    subscriber.add(paced(from(events), pace).subscribe(subscriber));
  });
}

/** Each event, and the next one when `pace` is done with it. */
export function paced<Event>(events: Observable<Event>, pace: Pace<Event> | undefined): Observable<Event> {
  if (pace === undefined) return events;
  return events.pipe(concatMap((event) => concat(of(event), from(pace(event)).pipe(ignoreElements()))));
}

async function pump<Event>(
  events: AsyncIterable<Event>,
  subscriber: Subscriber<Event>,
  pace: Pace<Event> | undefined,
  stop: AbortSignal,
): Promise<void> {
  try {
    for await (const event of events) {
      if (!subscriber.closed) subscriber.next(event);
      if (!subscriber.closed && pace !== undefined) await completed(pace(event), stop);
      // Leaving the loop ends the iteration, and with it the work.
      if (subscriber.closed) return;
    }
    subscriber.complete();
  } catch (error) {
    if (!subscriber.closed) subscriber.error(error);
  }
}

/** Waits for the end of `input`, and no longer than until `stop`. Errors: those of `input`. */
function completed(input: ObservableInput<unknown>, stop: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const waiting = from(input).subscribe({ error: reject, complete: resolve });
    if (waiting.closed) return;
    const leave = (): void => {
      waiting.unsubscribe();
      resolve();
    };
    stop.addEventListener('abort', leave, { once: true });
    waiting.add(() => stop.removeEventListener('abort', leave));
    if (stop.aborted) leave();
  });
}

function isAsyncIterable<Event>(events: ObservableInput<Event>): events is AsyncIterable<Event> {
  return Symbol.asyncIterator in events;
}
