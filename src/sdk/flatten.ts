/** Flattening under a named policy, in which nothing is dropped without a word. */
import {
  defer,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  type Subscriber,
  Subscription,
  takeWhile,
} from 'rxjs';
import { AidError } from '../planner/errors.js';
import { NewestWins } from './newest-wins.js';

/** What becomes of a value that comes while earlier ones are being worked on. */
export type FlatteningPolicy =
  /** It takes their place; the work on them is aborted, and it begins when that has stopped. */
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
 * Maps every value to work of its own and merges what the works give, under a policy. Work that is to stop has its
 * signal aborted: what it gives from then on is not passed on, and with `switch` the next begins when it has ended.
 * `dropped` makes the event that tells of a value that was not worked on to its end. Values may come while an event
 * is being handled. Errors: those of the values and of the work; `invalid-argument`.
 */
export function flatten<Value, Event>(
  policy: FlatteningPolicy,
  work: (value: Value, abortSignal: AbortSignal) => ObservableInput<Event>,
  dropped: (value: Value, reason: DropReason) => Event,
): OperatorFunction<Value, Event> {
  return (values) =>
    new Observable((subscriber) => {
      const refused = problemOf(policy);
      if (refused !== undefined) {
        subscriber.error(new AidError('invalid-argument', `flattening policy ${policy.policy}: ${refused}`));
        return;
      }
      let isSourceDone = false;
      const completeIfDone = (): void => {
        if (isSourceDone && works.isIdle) subscriber.complete();
      };
      const drop = (value: Value, reason: DropReason): void => {
        if (subscriber.closed) return;
        try {
          subscriber.next(dropped(value, reason));
        } catch (error) {
          subscriber.error(error);
        }
      };
      const parts: Parts<Value, Event> = { subscriber, work, drop, onIdle: completeIfDone };
      const works = policy.policy === 'switch' ? switching(parts) : queueing(parts, policy);
      // Whoever leaves while values come at once gets no more work.
      const wanted = values.pipe(takeWhile(() => !subscriber.closed));
      subscriber.add(
        wanted.subscribe({
          next: (value) => {
            try {
              works.accept(value);
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
    });
}

interface Parts<Value, Event> {
  readonly subscriber: Subscriber<Event>;
  readonly work: (value: Value, abortSignal: AbortSignal) => ObservableInput<Event>;
  readonly drop: (value: Value, reason: DropReason) => void;
  readonly onIdle: () => void;
}

interface Works<Value> {
  accept(value: Value): void;
  readonly isIdle: boolean;
}

function switching<Value, Event>({ subscriber, work, drop, onIdle }: Parts<Value, Event>): Works<Value> {
  const works = new NewestWins<DropReason>({ superseded: () => 'superseded', onIdle });
  subscriber.add(() => void works.endAll('superseded'));
  /** The work on a value; it ends when that has stopped. */
  const begin = (value: Value, abortSignal: AbortSignal): Observable<never> =>
    new Observable((stopping) => {
      abortSignal.addEventListener('abort', () => drop(value, 'superseded'), { once: true });
      const events = defer(() => work(value, abortSignal)).subscribe({
        next: (event) => {
          if (!abortSignal.aborted) subscriber.next(event);
        },
        error: (error) => {
          if (!abortSignal.aborted) subscriber.error(error);
          stopping.complete();
        },
        complete: () => stopping.complete(),
      });
      subscriber.add(events);
      stopping.add(() => subscriber.remove(events));
    });
  return {
    accept: (value) =>
      works.submit(
        {
          begin: (abortSignal) => begin(value, abortSignal),
          drop: (reason) => drop(value, reason),
        },
        { preempt: true },
      ),
    get isIdle() {
      return !works.isBusy;
    },
  };
}

function queueing<Value, Event>(
  { subscriber, work, drop, onIdle }: Parts<Value, Event>,
  policy: Exclude<FlatteningPolicy, { readonly policy: 'switch' }>,
): Works<Value> {
  const concurrency = policy.policy === 'merge' ? policy.concurrency : 1;
  const maxQueued = policy.policy === 'exhaust' ? 0 : policy.maxQueued;
  const running = new Set<Subscription>();
  const queue: Value[] = [];
  let isStartingNext = false;
  subscriber.add(() => {
    queue.length = 0;
  });
  const start = (value: Value): void => {
    const controller = new AbortController();
    const place = new Subscription(() => controller.abort());
    // Taken before anything of the work is heard: whoever hears it may bring the next value.
    running.add(place);
    subscriber.add(place);
    const events = defer(() => work(value, controller.signal)).subscribe({
      next: (event) => subscriber.next(event),
      error: (error) => subscriber.error(error),
      complete: () => {
        running.delete(place);
        subscriber.remove(place);
        startNext();
      },
    });
    place.add(events);
  };
  const startNext = (): void => {
    // Works that complete at once do not go deeper and deeper.
    if (isStartingNext) return;
    isStartingNext = true;
    while (running.size < concurrency && queue.length > 0 && !subscriber.closed)
      start(queue.shift() as Value);
    isStartingNext = false;
    onIdle();
  };
  const accept = (value: Value): void => {
    const hasRoom = running.size < concurrency;
    if (hasRoom && queue.length === 0) start(value);
    // With room, those that wait are being started just now.
    else if (hasRoom || queue.length < maxQueued) queue.push(value);
    else if (policy.policy === 'exhaust') drop(value, 'busy');
    else if (policy.overflow === 'error')
      subscriber.error(
        new AidError('invalid-argument', `flattening: more than ${maxQueued} values wait for their turn`),
      );
    else if (policy.overflow === 'drop-newest' || maxQueued === 0) drop(value, 'queue-full');
    else {
      const oldest = queue.shift() as Value;
      queue.push(value);
      drop(oldest, 'queue-full');
    }
  };
  return {
    accept,
    get isIdle() {
      return running.size === 0 && queue.length === 0;
    },
  };
}

/** What is wrong with a policy. */
function problemOf(policy: FlatteningPolicy): string | undefined {
  if (!['switch', 'exhaust', 'concat', 'merge'].includes(policy.policy))
    return 'expected switch, exhaust, concat or merge';
  if (policy.policy === 'merge' && !(Number.isInteger(policy.concurrency) && policy.concurrency >= 1))
    return `concurrency: expected a whole number of at least 1, got ${policy.concurrency}`;
  if (policy.policy !== 'concat' && policy.policy !== 'merge') return undefined;
  const { maxQueued, overflow } = policy;
  if (!(Number.isInteger(maxQueued) && maxQueued >= 0))
    return `maxQueued: expected a whole number of at least 0, got ${maxQueued}`;
  if (!['drop-oldest', 'drop-newest', 'error'].includes(overflow))
    return `overflow: expected drop-oldest, drop-newest or error, got ${overflow}`;
  return undefined;
}
