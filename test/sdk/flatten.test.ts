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
        (command) => cold(clip, { x: command.toUpperCase(), y: `${command.toUpperCase()}!` }),
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
  [{ policy: 'latest' }, 'expected switch, exhaust, concat or merge'],
])('refuses %o', (policy, what) => {
  const make = () =>
    flatten(
      policy as FlatteningPolicy,
      () => [],
      () => [],
    );
  expect(make).toThrow(what);
});
