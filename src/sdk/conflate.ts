/** Backpressure for consumers that are slower than the planner and want the newest step, not every one. */
import { defer, Observable, type ObservableInput, type OperatorFunction, takeWhile } from 'rxjs';

export interface ConflateOptions<Event> {
  /** Events that a newer such event may replace while they wait; those of steps unless said otherwise. */
  readonly replaceable?: (event: Event) => boolean;
  /** Told of every event that was replaced. */
  readonly onDrop?: (event: Event) => void;
}

/**
 * Handles events one after the other. Of the steps that come while one is being handled only the newest waits;
 * everything else waits its turn, so that frames and ends are never lost. What waits of one clip is a clip at most.
 * On a live stream, clips of which come for ever, a consumer that is slower than these falls further and further
 * behind: there either `pace` holds them up, or `replaceable` says what else may be skipped.
 *
 *     imagine(planner, request).pipe(conflate(async (event) => publish(event)))
 */
export function conflate<Event extends { readonly kind: string }, Result>(
  handle: (event: Event) => ObservableInput<Result>,
  { replaceable = ({ kind }) => kind.endsWith('step'), onDrop }: ConflateOptions<Event> = {},
): OperatorFunction<Event, Result> {
  return (events) =>
    new Observable((subscriber) => {
      const waiting: Event[] = [];
      let isBusy = false;
      let isSourceDone = false;
      const handleNext = (): void => {
        while (!isBusy && !subscriber.closed) {
          const event = waiting.shift();
          if (event === undefined) {
            if (isSourceDone) subscriber.complete();
            return;
          }
          isBusy = true;
          subscriber.add(
            defer(() => handle(event)).subscribe({
              next: (result) => subscriber.next(result),
              error: (error) => subscriber.error(error),
              complete: () => {
                isBusy = false;
                handleNext();
              },
            }),
          );
        }
      };
      // Whoever leaves while events come at once is asked to handle no more.
      const wanted = events.pipe(takeWhile(() => !subscriber.closed));
      subscriber.add(
        wanted.subscribe({
          next: (event) => {
            try {
              const last = waiting.at(-1);
              if (last !== undefined && replaceable(last) && replaceable(event)) {
                waiting.pop();
                onDrop?.(last);
              }
            } catch (error) {
              subscriber.error(error);
              return;
            }
            waiting.push(event);
            handleNext();
          },
          error: (error) => subscriber.error(error),
          complete: () => {
            isSourceDone = true;
            handleNext();
          },
        }),
      );
    });
}
