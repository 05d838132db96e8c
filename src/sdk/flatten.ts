/** Flattening under a named policy, in which nothing is dropped without a word. */
import { from, Observable, type ObservableInput, type OperatorFunction, type Subscription } from 'rxjs';
import { AidError } from '../planner/errors.js';

/** What becomes of a value that comes while earlier ones are being worked on. */
export type FlatteningPolicy =
  /** It takes their place; the work on them is aborted. */
  | { readonly policy: 'switch' }
  /** It is dropped. */
  | { readonly policy: 'exhaust' }
  /** It waits for its turn. */
  | ({ readonly policy: 'concat' } & Waiting)
  /** It is worked on as well, up to `concurrency` at a time; then it waits for its turn. */
  | ({ readonly policy: 'merge'; readonly concurrency: number } & Waiting);

export interface Waiting {
  /** Values that may wait. */
  readonly maxQueued: number;
  /** What gives way when one more comes; `error` ends the stream with `invalid-argument`. */
  readonly overflow: 'drop-oldest' | 'drop-newest' | 'error';
}

/** `superseded`: by a newer value; `busy`: nothing may wait; `queue-full`: too many wait. */
export type DropReason = 'superseded' | 'busy' | 'queue-full';

/**
 * Maps every value to work of its own and merges what the works give, under a policy. `dropped` makes the event
 * that tells of a value that was not worked on to its end.
 */
export function flatten<Value, Event>(
  policy: FlatteningPolicy,
  work: (value: Value) => ObservableInput<Event>,
  dropped: (value: Value, reason: DropReason) => Event,
): OperatorFunction<Value, Event> {
  checkPolicy(policy);
  const concurrency = policy.policy === 'merge' ? policy.concurrency : 1;
  const maxQueued = 'maxQueued' in policy ? policy.maxQueued : 0;
  return (values) =>
    new Observable((subscriber) => {
      const running = new Map<Subscription, Value>();
      const queue: Value[] = [];
      let isSourceDone = false;
      const drop = (value: Value, reason: DropReason): void => subscriber.next(dropped(value, reason));
      const completeIfDone = (): void => {
        if (isSourceDone && running.size === 0 && queue.length === 0) subscriber.complete();
      };
      const startNext = (): void => {
        while (running.size < concurrency && queue.length > 0 && !subscriber.closed)
          start(queue.shift() as Value);
        completeIfDone();
      };
      const start = (value: Value): void => {
        let isDone = false;
        let subscription: Subscription | undefined;
        const onEnd = (): void => {
          isDone = true;
          if (subscription === undefined) return;
          running.delete(subscription);
          startNext();
        };
        subscription = from(work(value)).subscribe({
          next: (event) => subscriber.next(event),
          error: (error) => subscriber.error(error),
          complete: onEnd,
        });
        // One that completed at once has left no room taken.
        if (isDone) return;
        running.set(subscription, value);
        subscriber.add(subscription);
      };
      const accept = (value: Value): void => {
        if (running.size < concurrency) {
          start(value);
        } else if (policy.policy === 'switch') {
          const superseded = [...running];
          running.clear();
          for (const [subscription] of superseded) subscription.unsubscribe();
          for (const [, old] of superseded) drop(old, 'superseded');
          accept(value);
        } else if (queue.length < maxQueued) {
          queue.push(value);
        } else if (!('overflow' in policy)) {
          drop(value, 'busy');
        } else if (policy.overflow === 'error') {
          subscriber.error(
            new AidError('invalid-argument', `flattening: more than ${maxQueued} values wait for their turn`),
          );
        } else if (policy.overflow === 'drop-newest' || maxQueued === 0) {
          drop(value, 'queue-full');
        } else {
          const oldest = queue.shift() as Value;
          queue.push(value);
          drop(oldest, 'queue-full');
        }
      };
      subscriber.add(
        values.subscribe({
          next: (value) => {
            try {
              accept(value);
            } catch (error) {
              subscriber.error(error);
            }
          },
          error: (error) => subscriber.error(error),
          complete: () => {
            isSourceDone = true;
            completeIfDone();
          },
        }),
      );
      subscriber.add(() => {
        for (const subscription of running.keys()) subscription.unsubscribe();
        queue.length = 0;
      });
    });
}

function checkPolicy(policy: FlatteningPolicy): void {
  const refuse = (what: string): never => {
    throw new AidError('invalid-argument', `flattening policy ${policy.policy}: ${what}`);
  };
  if (!['switch', 'exhaust', 'concat', 'merge'].includes(policy.policy))
    refuse('expected switch, exhaust, concat or merge');
  if (policy.policy === 'merge' && !(Number.isInteger(policy.concurrency) && policy.concurrency >= 1))
    refuse(`concurrency: expected a whole number of at least 1, got ${policy.concurrency}`);
  if ('maxQueued' in policy && !(Number.isInteger(policy.maxQueued) && policy.maxQueued >= 0))
    refuse(`maxQueued: expected a whole number of at least 0, got ${policy.maxQueued}`);
}
