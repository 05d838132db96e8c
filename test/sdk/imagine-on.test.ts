import { from, lastValueFrom, map, NEVER, type Observable, of, Subject, tap, toArray } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import { AidError } from '#planner/errors.js';
import type { ImagineEvent } from '#planner/imagination/events.js';
import type { ImagineRequest } from '#planner/imagination/request.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { type Command, imagineOn, type LiveEvent, type LiveOptions } from '#sdk/imagine-on.js';
import type { Planner } from '#sdk/planner.js';
import { picture } from '../planner/conditioning/pictures.js';
import { tinyModel } from '../support/tiny-model.js';
import { clipEvents, fakePlanner, frame, marbles } from './fake-planner.js';

const frames = { i: frame, j: picture(8, 8, 1), k: picture(8, 8, 2) };
const commands = { a: 'go left', b: 'go right', c: { instruction: 'stop', seed: 3 } };

/** `start 0 ij`: of which command, on which frames. */
function told(event: LiveEvent): string {
  const words: (string | number)[] = [event.kind, event.commandId];
  if (event.kind === 'start') {
    const names = Object.entries(frames);
    words.push(event.frames.map((seen) => names.find(([, each]) => each === seen)?.[0]).join(''));
  }
  if (event.kind === 'dropped') words.push(event.reason);
  if (event.kind === 'failed') words.push(event.error.code);
  return words.join(' ');
}

interface Live {
  readonly command$: string;
  readonly frame$: string;
  readonly options: Omit<LiveOptions, 'command$' | 'frame$'>;
  /** Of one clip: `1` a step, `e` the end. */
  readonly clip?: string;
  readonly expected: string;
  readonly names: Readonly<Record<string, string>>;
}

function live({ command$, frame$, options, clip = '-1-(e|)', expected, names }: Live): Planner & {
  readonly requests: readonly ImagineRequest[];
} {
  let clipOf: Observable<ImagineEvent> = NEVER;
  const planner = fakePlanner(() => clipOf);
  marbles().run(({ hot, cold, expectObservable }) => {
    clipOf = cold(clip, clipEvents, new AidError('engine-failed', 'gone'));
    const all = {
      ...options,
      command$: hot<Command>(command$, commands),
      frame$: hot<Frame>(frame$, frames),
    };
    const events = imagineOn(planner, all as LiveOptions).pipe(map(told));
    expectObservable(events).toBe(expected, names, new AidError('engine-failed', 'gone'));
  });
  return planner;
}

describe('in virtual time', () => {
  it('switch: a new command aborts the clip under way and starts on the newest frame', () => {
    const { requests } = live({
      command$: '-a--b|',
      frame$: '  i-jk',
      options: { policy: 'switch' },
      clip: '-----1--(e|)',
      expected: '-s--(dt)-1--(e|)',
      names: { s: 'start 0 i', 1: 'step 1', d: 'dropped 0 superseded', t: 'start 1 k', e: 'end 1' },
    });
    expect(requests.map(({ instruction }) => instruction)).toEqual(['go left', 'go right']);
  });

  it('exhaust: commands in the meantime are dropped', () => {
    live({
      command$: 'ab---c|',
      frame$: '  i',
      options: { policy: 'exhaust' },
      clip: '---(e|)',
      expected: 'sd-e-t--(f|)',
      names: { s: 'start 0 i', d: 'dropped 1 busy', e: 'end 0', t: 'start 2 i', f: 'end 2' },
    });
  });

  it('concat: a command gets the newest frame when its turn comes, not when it came', () => {
    live({
      command$: 'ab|',
      frame$: '  i-j-',
      options: { policy: 'concat', maxQueued: 1, overflow: 'error' } as LiveOptions,
      clip: '-----(e|)',
      expected: 's----(et)-(f|)',
      names: { s: 'start 0 i', e: 'end 0', t: 'start 1 j', f: 'end 1' },
    });
  });

  it('merge: several at a time', () => {
    live({
      command$: 'ab|',
      frame$: '  i',
      options: { policy: 'merge', concurrency: 2, maxQueued: 0, overflow: 'error' } as LiveOptions,
      clip: '---(e|)',
      expected: 'st-e(f|)',
      names: { s: 'start 0 i', e: 'end 0', t: 'start 1 i', f: 'end 1' },
    });
  });

  it('a command waits for the first frames', () => {
    live({
      command$: 'a|',
      frame$: '  --i-j-k',
      options: { policy: 'switch', numGivenFrames: 2 },
      clip: '-(e|)',
      expected: '----s(e|)',
      names: { s: 'start 0 ij', e: 'end 0' },
    });
  });

  it('a failing command ends the stream', () => {
    live({
      command$: 'a---b|',
      frame$: '  i',
      options: { policy: 'switch' },
      clip: '-#',
      expected: 's#',
      names: { s: 'start 0 i' },
    });
  });

  it('or is reported, and the next command goes on', () => {
    live({
      command$: 'a---b|',
      frame$: '  i',
      options: { policy: 'switch', onFailure: 'report' },
      clip: '-#',
      expected: 'sf--t(g|)',
      names: { s: 'start 0 i', f: 'failed 0 engine-failed', t: 'start 1 i', g: 'failed 1 engine-failed' },
    });
  });
});

const settings = { seed: 3, numInferenceSteps: 2 };

it("a command's own settings count more than the stream's", async () => {
  const planner = fakePlanner(() => of());
  const command$ = from<Command[]>(['go left', { instruction: 'stop', seed: 9 }]);
  const options = {
    command$,
    frame$: of(frame),
    settings,
    policy: 'concat',
    maxQueued: 9,
    overflow: 'error',
  } as const;
  await lastValueFrom(imagineOn(planner, options));
  expect(planner.requests).toMatchObject([
    { ...settings, instruction: 'go left', frames: [frame] },
    { ...settings, instruction: 'stop', seed: 9 },
  ]);
});

it('a camera that ends before its first frame is an error, for who waits for it', async () => {
  const planner = fakePlanner(() => of());
  const ends = imagineOn(planner, { command$: of('go left'), frame$: of(), policy: 'switch' });
  await expect(lastValueFrom(ends)).rejects.toMatchObject({ code: 'invalid-argument' });
});

it('refuses a number of given frames that cannot be', () => {
  const make = () =>
    imagineOn(
      fakePlanner(() => of()),
      { command$: of(), frame$: of(), policy: 'switch', numGivenFrames: 0 },
    );
  expect(make).toThrow('numGivenFrames');
});

it('imagines live on the real engine: a storm of commands, of which the last one wins', async () => {
  const planner = await VideoPlanner.load(await tinyModel(), { provider: 'cpu', threads: 1 });
  onTestFinished(() => planner.dispose());
  const command$ = new Subject<Command>();
  const frame$ = of(picture(32, 32));
  let storm = 200;
  const events = lastValueFrom(
    imagineOn(planner, { command$, frame$, policy: 'switch', settings: { numInferenceSteps: 20 } }).pipe(
      tap(({ kind }) => {
        // In the middle of a clip comes the next command.
        if (kind !== 'step' || storm === 0) return;
        storm = 0;
        for (let i = 0; i < 200; i++)
          command$.next(i % 2 === 0 ? 'put the red cube on the plate' : 'go left');
        command$.complete();
      }),
      toArray(),
    ),
  );
  command$.next('push the red cube to the left');
  const told = await events;
  expect(told.filter(({ kind }) => kind === 'dropped')).toHaveLength(200);
  expect(told.at(-1)).toMatchObject({ kind: 'end', commandId: 200, report: { instruction: 'go left' } });
  expect(told.filter(({ kind }) => kind === 'end')).toHaveLength(1);
});
