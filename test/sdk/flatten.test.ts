import { fromEvent, Observable, of, range, Subject, take, takeUntil } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type FlatteningPolicy, flatten } from '#sdk/flatten.js';
import { marbles } from './fake-planner.js';

/** Each letter of the commands becomes two events, upper case; a dropped one a digit by its reason. */
function flattened(
  policy: FlatteningPolicy,
  { commands, expected, clip = '--x--y|' }: { commands: string; expected: string; clip?: string },
): void {
  marbles().run(({ hot, cold, expectObservable }) => {
    const reasons = { superseded: '1', busy: '2', 'queue-full': '3' };
    const events = hot(commands).pipe(
      flatten(
        policy,
        (command, abortSignal) =>
          cold(clip, { x: command.toUpperCase(), y: `${command.toUpperCase()}!` }).pipe(
            takeUntil(fromEvent(abortSignal, 'abort')),
          ),
        (command, reason) => `${reasons[reason]}${command}`,
      ),
    );
    const names: Record<string, string> = { s: '1a', t: '1b', b: '2b', c: '2c', q: '3b', r: '3c', o: '3d' };
    for (const letter of 'ABCD') {
      names[letter] = letter;
      names[letter === 'A' ? 'W' : letter === 'B' ? 'X' : letter === 'C' ? 'Y' : 'Z'] = `${letter}!`;
    }
    expectObservable(events).toBe(expected, names);
  });
}

describe('switch', () => {
  it('lets the newest value take the place of the one before, and tells', () =>
    flattened({ policy: 'switch' }, { commands: 'a--b------|', expected: '--As-B--X-|' }));
  it('waits for the last one when the values have ended', () =>
    flattened({ policy: 'switch' }, { commands: 'a-|', expected: '--A--W|' }));
  it('begins when the one before has stopped, and of those that come until then with the newest', () => {
    const told: string[] = [];
    const stops = new Map<string, () => void>();
    const values = new Subject<string>();
    /** Goes on until the test stops it, however often it is aborted. */
    const work = (value: string, abortSignal: AbortSignal) =>
      new Observable<string>((subscriber) => {
        subscriber.next(`${value} begins`);
        abortSignal.addEventListener('abort', () => subscriber.next(`${value} still runs`));
        stops.set(value, () => subscriber.error(new Error('aborted')));
      });
    values.pipe(flatten({ policy: 'switch' }, work, (value, reason) => `${value} ${reason}`)).subscribe({
      next: (event) => told.push(event),
      complete: () => told.push('done'),
    });
    for (const value of ['a', 'b', 'c']) values.next(value);
    values.complete();
    expect(told).toEqual(['a begins', 'a superseded', 'b superseded']);
    stops.get('a')?.();
    expect(told.slice(3)).toEqual(['c begins']);
  });
});

describe('a value that comes while an event is being handled', () => {
  /** While `a` is told to begin comes `b`, and while `b` is told of comes `c`. */
  function reentrant(policy: FlatteningPolicy) {
    const told: string[] = [];
    const values = new Subject<string>();
    let running = 0;
    let most = 0;
    const work = (value: string, abortSignal: AbortSignal) =>
      new Observable<string>((subscriber) => {
        most = Math.max(most, ++running);
        const stop = () => {
          running -= 1;
          subscriber.complete();
        };
        abortSignal.addEventListener('abort', stop);
        finish.set(value, stop);
        subscriber.next(`${value} begins`);
      });
    const finish = new Map<string, () => void>();
    values.pipe(flatten(policy, work, (value, reason) => `${value} ${reason}`)).subscribe({
      next: (event) => {
        told.push(event);
        if (event === 'a begins') values.next('b');
        if (/^b (?!superseded)/.test(event)) values.next('c');
        if (event.startsWith('c')) values.complete();
      },
      error: (error: Error) => told.push(error.message),
      complete: () => told.push('done'),
    });
    values.next('a');
    return { told, finish: (value: string) => finish.get(value)?.(), most: () => most };
  }

  it('switch: the newest is worked on, and the others are told of', () => {
    const { told, finish, most } = reentrant({ policy: 'switch' });
    finish('c');
    expect(told).toEqual(['a begins', 'a superseded', 'b begins', 'b superseded', 'c begins', 'done']);
    expect(most()).toBe(1);
  });

  it('exhaust: it is dropped', () => {
    const { told, finish, most } = reentrant({ policy: 'exhaust' });
    finish('a');
    expect(told).toEqual(['a begins', 'b busy', 'c busy', 'done']);
    expect(most()).toBe(1);
  });

  it('concat: it waits', () => {
    const { told, finish, most } = reentrant({ policy: 'concat', maxQueued: 1, overflow: 'drop-oldest' });
    expect(told).toEqual(['a begins']);
    finish('a');
    expect(told.slice(1)).toEqual(['b begins']);
    finish('b');
    finish('c');
    expect(told.slice(2)).toEqual(['c begins', 'done']);
    expect(most()).toBe(1);
  });

  it('concat: with no room to wait it is dropped, or an error', () => {
    const dropping = reentrant({ policy: 'concat', maxQueued: 0, overflow: 'drop-newest' });
    expect(dropping.told).toEqual(['a begins', 'b queue-full', 'c queue-full']);
    const failing = reentrant({ policy: 'concat', maxQueued: 0, overflow: 'error' });
    expect(failing.told).toEqual(['a begins', 'flattening: more than 0 values wait for their turn']);
  });

  it('merge: as many as were allowed are worked on', () => {
    const two = { policy: 'merge', concurrency: 2, maxQueued: 0, overflow: 'drop-newest' } as const;
    const { told, finish, most } = reentrant(two);
    expect(told).toEqual(['a begins', 'b begins', 'c queue-full']);
    finish('a');
    finish('b');
    expect(told.at(-1)).toBe('done');
    expect(most()).toBe(2);
  });
});

it('exhaust drops what comes in the meantime, and tells', () =>
  flattened({ policy: 'exhaust' }, { commands: 'a--b---c-|', expected: '--Ab-W---C--Y|' }));

describe('concat', () => {
  it('lets values wait for their turn', () =>
    flattened(
      { policy: 'concat', maxQueued: 1, overflow: 'drop-newest' },
      { commands: 'ab|', expected: '--A--W--B--X|' },
    ));
  it('drops the newest one that finds the queue full', () =>
    flattened(
      { policy: 'concat', maxQueued: 1, overflow: 'drop-newest' },
      { commands: 'a-bc|', expected: '--Ar-W--B--X|' },
    ));
  it('drops the oldest one that waits', () =>
    flattened(
      { policy: 'concat', maxQueued: 1, overflow: 'drop-oldest' },
      { commands: 'a-bc|', expected: '--Aq-W--C--Y|' },
    ));
  it('ends with an error when told to', () =>
    marbles().run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const clip = cold('-----|');
      const policy: FlatteningPolicy = { policy: 'concat', maxQueued: 0, overflow: 'error' };
      const events = hot('a-b').pipe(
        flatten(
          policy,
          () => clip,
          () => 'dropped',
        ),
      );
      expectObservable(events).toBe(
        '--#',
        {},
        expect.objectContaining({
          code: 'invalid-argument',
          message: expect.stringContaining('more than 0'),
        }),
      );
      expectSubscriptions(clip.subscriptions).toBe('^-!');
    }));
});

it('merge works on as many at a time as it was told', () =>
  flattened(
    { policy: 'merge', concurrency: 2, maxQueued: 0, overflow: 'drop-newest' },
    { commands: 'abc|', clip: '---x--y|', expected: '--rAB-WX|' },
  ));

it('unsubscribing stops everything that is worked on', () =>
  marbles().run(({ hot, cold, expectObservable, expectSubscriptions }) => {
    const clip = cold('----------|');
    const policy: FlatteningPolicy = { policy: 'merge', concurrency: 2, maxQueued: 9, overflow: 'error' };
    const events = hot('abc---').pipe(
      flatten(
        policy,
        () => clip,
        () => 'dropped',
      ),
    );
    expectObservable(events, '^---!').toBe('-----');
    expectSubscriptions(clip.subscriptions).toBe(['^---!', '-^--!']);
  }));

const policies: readonly FlatteningPolicy[] = [
  { policy: 'switch' },
  { policy: 'exhaust' },
  { policy: 'concat', maxQueued: 9, overflow: 'error' },
  { policy: 'merge', concurrency: 3, maxQueued: 9, overflow: 'error' },
];
it.each(policies)('takes no other value when it is left while one comes: $policy', (policy) => {
  const worked: number[] = [];
  const work = (value: number) => {
    worked.push(value);
    return of(value);
  };
  range(1, 9)
    .pipe(
      flatten(policy, work, () => 0),
      take(1),
    )
    .subscribe();
  expect(worked).toEqual([1]);
});

it('works on what completes at once, too', () =>
  marbles().run(({ hot, expectObservable }) => {
    const events = hot('a(bc)|').pipe(
      flatten(
        { policy: 'exhaust' },
        (command) => [command],
        () => 'dropped',
      ),
    );
    expectObservable(events).toBe('a(bc)|');
  }));

it.each([
  [{ policy: 'merge', concurrency: 0, maxQueued: 0, overflow: 'error' }, 'concurrency'],
  [{ policy: 'concat', maxQueued: -1, overflow: 'error' }, 'maxQueued'],
  [{ policy: 'concat' }, 'maxQueued'],
  [{ policy: 'merge', concurrency: 1, maxQueued: 1, overflow: 'drop-olddest' }, 'overflow'],
  [{ policy: 'latest' }, 'expected switch, exhaust, concat or merge'],
])('refuses %o', (policy, what) => {
  const refusing = flatten(
    policy as FlatteningPolicy,
    () => ['event'],
    () => 'dropped',
  );
  const told: unknown[] = [];
  of(1)
    .pipe(refusing)
    .subscribe({ next: (event) => told.push(event), error: (error) => told.push(error) });
  expect(told).toEqual([
    expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(what) }),
  ]);
});

it('works that complete at once do not go deeper and deeper', () => {
  const values = new Subject<number>();
  const held = new Subject<number>();
  let count = 0;
  values
    .pipe(
      flatten(
        { policy: 'concat', maxQueued: 20_000, overflow: 'error' },
        (value) => (value === 0 ? held : [value]),
        () => -1,
      ),
    )
    .subscribe(() => {
      count += 1;
    });
  for (let value = 0; value <= 20_000; value++) values.next(value);
  held.complete();
  expect(count).toBe(20_000);
});
