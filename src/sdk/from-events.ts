/** Observables over what a planner gives. */
import {
  concat,
  concatMap,
  from,
  ignoreElements,
  lastValueFrom,
  Observable,
  type ObservableInput,
  of,
  type Subscriber,
} from 'rxjs';

/** What a consumer needs to be done with an event: nothing is asked of the source before it completes. */
export type Pace<Event> = (event: Event) => ObservableInput<unknown>;

/**
 * A cold Observable: every subscription calls `start`, unsubscribing aborts the signal that it was given. An
 * iterable is asked for one event at a time, and not before `pace` is done with the one before. An Observable
 * cannot be asked to wait; its events do.
 */
export function fromEvents<Event>(
  start: (abortSignal: AbortSignal) => ObservableInput<Event>,
  pace?: Pace<Event>,
): Observable<Event> {
  return new Observable<Event>((subscriber) => {
    const controller = new AbortController();
    subscriber.add(() => controller.abort());
    let events: ObservableInput<Event>;
    try {
      events = start(controller.signal);
    } catch (error) {
      subscriber.error(error);
      return;
    }
    if (isAsyncIterable(events)) void pump(events, subscriber, pace);
    else subscriber.add(paced(from(events), pace).subscribe(subscriber));
  });
}

function paced<Event>(events: Observable<Event>, pace: Pace<Event> | undefined): Observable<Event> {
  if (pace === undefined) return events;
  return events.pipe(concatMap((event) => concat(of(event), from(pace(event)).pipe(ignoreElements()))));
}

async function pump<Event>(
  events: AsyncIterable<Event>,
  subscriber: Subscriber<Event>,
  pace: Pace<Event> | undefined,
): Promise<void> {
  try {
    for await (const event of events) {
      if (!subscriber.closed) subscriber.next(event);
      if (!subscriber.closed && pace !== undefined)
        await lastValueFrom(from(pace(event)), { defaultValue: undefined });
      // Leaving the loop ends the iteration, and with it the work.
      if (subscriber.closed) return;
    }
    subscriber.complete();
  } catch (error) {
    if (!subscriber.closed) subscriber.error(error);
  }
}

function isAsyncIterable<Event>(events: ObservableInput<Event>): events is AsyncIterable<Event> {
  return Symbol.asyncIterator in events;
}
