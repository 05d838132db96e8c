import { map, of, range, take, tap, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { AidError } from '#planner/errors.js';
import { conflate } from '#sdk/conflate.js';
import { play } from '#sdk/play.js';
import { picture } from '../planner/conditioning/pictures.js';
import { clipEvents, marbles } from './fake-planner.js';

describe('conflate', () => {
  const steps = Object.fromEntries(
    [...'12345'].map((name) => [
      name,
      { ...clipEvents[1], step: Number(name) } as { kind: string; step: number },
    ]),
  );
  const events = { ...steps, f: { kind: 'frame', step: 0 }, e: { kind: 'end', step: 0 } };
  const name = ({ kind, step }: { kind: string; step?: number }): string =>
    step ? `${step}` : (kind[0] ?? '');

  it('keeps the newest step for a slow consumer, and every frame and the end', () => {
    const dropped: string[] = [];
    marbles().run(({ hot, cold, expectObservable }) => {
      const handled = hot('1234-(ffe|)', events).pipe(
        conflate((event) => cold('---(x|)', { x: name(event) }), {
          onDrop: (event) => dropped.push(name(event)),
        }),
      );
      expectObservable(handled).toBe('---1--4--f--f--(e|)');
    });
    expect(dropped).toEqual(['2', '3']);
  });

  it('loses nothing of what a quick consumer handles at once', () =>
    marbles().run(({ hot, expectObservable }) => {
      const handled = hot('(12345fe)|', events).pipe(conflate((event) => of(name(event))));
      expectObservable(handled).toBe('(12345fe)|');
    }));

  it('handles what came before an error of the source no further', () =>
    marbles().run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const work = cold('---(x|)');
      expectObservable(hot('1-#', events).pipe(conflate(() => work))).toBe('--#');
      expectSubscriptions(work.subscriptions).toBe('^-!');
    }));

  it('takes no other event when it is left while one comes', () => {
    let taken = 0;
    const source = range(1, 9).pipe(map(() => ({ kind: 'frame' })));
    const counted = source.pipe(tap(() => (taken += 1)));
    counted
      .pipe(
        conflate((event) => of(event)),
        take(1),
      )
      .subscribe();
    expect(taken).toBeLessThanOrEqual(2);
  });

  it('passes on errors of the consumer, thrown too', () =>
    marbles().run(({ hot, expectObservable }) => {
      const failing = conflate<{ kind: string }, never>(() => throwError(() => 'error'));
      expectObservable(hot('-1-', events).pipe(failing)).toBe('-#');
      const throwing = conflate<{ kind: string }, never>(() => {
        throw 'error';
      });
      expectObservable(hot('-1-', events).pipe(throwing)).toBe('-#');
    }));

  it('unsubscribing stops the source and what is being handled', () =>
    marbles().run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('1---', events);
      const work = cold('-----|');
      expectObservable(source.pipe(conflate(() => work)), '^-!').toBe('---');
      expectSubscriptions(source.subscriptions).toBe('^-!');
      expectSubscriptions(work.subscriptions).toBe('^-!');
    }));
});

describe('play', () => {
  const clip = [picture(8, 8, 1), picture(8, 8, 2), picture(8, 8, 3)];
  const shown = map(({ index }: { index: number }) => `${index}`);

  it('shows each frame when its time comes', () =>
    marbles().run(({ expectObservable }) => {
      expectObservable(play(clip, { framesPerSecond: 4 }).pipe(shown)).toBe('0 249ms 1 249ms (2|)');
    }));

  it('goes on and on where it is to loop', () =>
    marbles().run(({ expectObservable }) => {
      const looped = play(clip, { framesPerSecond: 500, loop: true }).pipe(shown);
      expectObservable(looped, '^---------!').toBe('0-1-2-0-1-');
    }));

  it('refuses rates and clips that cannot be played', () => {
    const told: unknown[] = [];
    const error = (thrown: AidError) => told.push([thrown.code, thrown.message.split(':', 1)[0]]);
    play(clip, { framesPerSecond: 0 }).subscribe({ error });
    play([], { framesPerSecond: 5 }).subscribe({ error });
    expect(told).toEqual([
      ['invalid-argument', 'framesPerSecond'],
      ['invalid-argument', 'frames'],
    ]);
  });
});
