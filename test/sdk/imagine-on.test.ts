import {
  concat,
  firstValueFrom,
  from,
  lastValueFrom,
  map,
  NEVER,
  Observable,
  of,
  Subject,
  take,
  tap,
  throwError,
  timer,
  toArray,
} from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import { AidError } from '#planner/errors.js';
import type { ImagineEvent } from '#planner/imagination/events.js';
import type { ImagineRequest } from '#planner/imagination/request.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { type Command, imagineOn, type LiveEvent, type LiveOptions } from '#sdk/imagine-on.js';
import type { Planner } from '#sdk/planner.js';
import { picture } from '../planner/conditioning/pictures.js';
import { type CountingEngine, countingEngine } from '../support/counting-engine.js';
import { tinyModel } from '../support/tiny-model.js';
import { clipEvents, end, fakePlanner, frame, marbles, observation } from './fake-planner.js';

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
    { ...settings, instruction: 'go left' },
    { ...settings, instruction: 'stop', seed: 9 },
  ]);
  expect(await Promise.all(planner.requests.map(({ frames }) => frames))).toEqual([observation, observation]);
});

it('a consumer sets the pace of all that is done for a command', async () => {
  const planner = fakePlanner(({ instruction }) =>
    instruction === 'fail' ? throwError(() => new AidError('engine-failed', 'gone')) : of(end()),
  );
  const paced: string[] = [];
  const pace = (event: LiveEvent) => {
    paced.push(told(event));
    return timer(1);
  };
  const command$ = of('go left', 'fail', 'go right');
  const policy = { policy: 'concat', maxQueued: 1, overflow: 'drop-oldest' } as const;
  const options = { command$, frame$: of(frame), onFailure: 'report', pace, ...policy } as const;
  const events = await lastValueFrom(imagineOn(planner, options).pipe(map(told), toArray()));
  expect(events).toEqual(['start 0 i', 'dropped 1 queue-full', 'end 0', 'start 2 i', 'end 2']);
  expect(paced).toEqual(events.filter((event) => !event.startsWith('dropped')));
  paced.length = 0;
  await lastValueFrom(imagineOn(planner, { ...options, command$: of('fail') }));
  expect(paced).toEqual(['start 0 i', 'failed 0 engine-failed']);
});

it('a superseded command is dropped, not failed, and holds nothing up', async () => {
  const planner = fakePlanner(({ instruction, abortSignal }) =>
    instruction === 'go left'
      ? new Observable((subscriber) =>
          abortSignal?.addEventListener('abort', () => subscriber.error(new AidError('aborted', 'aborted'))),
        )
      : of(end()),
  );
  const paced: string[] = [];
  const pace = (event: LiveEvent) => {
    paced.push(told(event));
    return event.kind === 'failed' ? NEVER : of(0);
  };
  const command$ = concat(of('go left'), timer(5).pipe(map(() => 'go right')));
  const options = { command$, frame$: of(frame), onFailure: 'report', policy: 'switch', pace } as const;
  const events = await lastValueFrom(imagineOn(planner, options).pipe(map(told), toArray()));
  expect(events).toEqual(['start 0 i', 'dropped 0 superseded', 'start 1 i', 'end 1']);
  expect(paced).toEqual(['start 0 i', 'start 1 i', 'end 1']);
});

it('a camera that ends before its first frame is an error, for who waits for it', async () => {
  const planner = fakePlanner(() => of());
  const ends = imagineOn(planner, { command$: of('go left'), frame$: of(), policy: 'switch' });
  await expect(lastValueFrom(ends)).rejects.toMatchObject({ code: 'invalid-argument' });
});

it.each([
  [{ numGivenFrames: 0 }, 'numGivenFrames'],
  [{ policy: 'latest' }, 'expected switch, exhaust, concat or merge'],
  [{ command$: null }, 'command$: expected an Observable, got null'],
  [{ frame$: [] }, 'frame$: expected an Observable, got an array'],
])('%o is an error of the stream', async (change, what) => {
  const options = { command$: of('go left'), frame$: of(frame), policy: 'switch', ...change } as LiveOptions;
  const stream = imagineOn(
    fakePlanner(() => of()),
    options,
  );
  await expect(lastValueFrom(stream)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(what),
  });
});

it('no options are an error of the stream', async () => {
  const stream = imagineOn(
    fakePlanner(() => of()),
    undefined as unknown as LiveOptions,
  );
  await expect(lastValueFrom(stream)).rejects.toMatchObject({ code: 'invalid-argument' });
});

describe('on the real engine', () => {
  async function realPlanner(): Promise<{ planner: VideoPlanner; engine: CountingEngine }> {
    const engine = countingEngine();
    const planner = await VideoPlanner.load(await tinyModel(), { engine });
    onTestFinished(() => planner.dispose());
    return { planner, engine };
  }
  const storm = (command$: Subject<Command>): void => {
    for (let i = 0; i < 200; i++) command$.next(i % 2 === 0 ? 'put the red cube on the plate' : 'go left');
  };
  const instruction = 'push the red cube to the left';

  it('of a storm of commands in the middle of a clip the last one wins, on what was seen already', async () => {
    const { planner, engine } = await realPlanner();
    const command$ = new Subject<Command>();
    const settings = { numInferenceSteps: 20 };
    let isOver = false;
    const events = lastValueFrom(
      imagineOn(planner, { command$, frame$: of(picture(32, 32)), policy: 'switch', settings }).pipe(
        tap(({ kind }) => {
          if (kind !== 'step' || isOver) return;
          isOver = true;
          storm(command$);
          command$.complete();
        }),
        toArray(),
      ),
    );
    command$.next(instruction);
    const told = await events;
    expect(told.filter(({ kind }) => kind === 'dropped')).toHaveLength(200);
    expect(told.at(-1)).toMatchObject({ kind: 'end', commandId: 200, report: { instruction: 'go left' } });
    expect(told.filter(({ kind }) => kind === 'start').map(({ commandId }) => commandId)).toEqual([0, 200]);
    expect(engine.runs).toEqual({
      'frame encoder': 1,
      'vision tower': 1,
      condition: 2,
      denoiser: 1 + 20,
      decoder: 1,
    });
    expect(engine.residents).toBe(0);
  });

  it('a storm before anything was seen, with a new picture for every command, looks twice', async () => {
    const { planner, engine } = await realPlanner();
    const command$ = new Subject<Command>();
    const frame$ = new Subject<Frame>();
    const events = lastValueFrom(
      imagineOn(planner, { command$, frame$, policy: 'switch', numGivenFrames: 3 }).pipe(toArray()),
    );
    for (let i = 0; i < 200; i++) {
      frame$.next(picture(32, 32, i));
      command$.next(instruction);
    }
    command$.complete();
    const told = await events;
    expect(told.filter(({ kind }) => kind === 'dropped')).toHaveLength(199);
    expect(told.at(-1)).toMatchObject({ kind: 'end', commandId: 199, report: { numGivenFrames: 3 } });
    // What the first command had begun, of which it ended one run, and what the last one saw.
    expect(engine.runs['frame encoder']).toBeLessThanOrEqual(1 + 3);
    expect(engine.runs).toMatchObject({ 'vision tower': 1, condition: 1, denoiser: 2, decoder: 1 });
  });

  it('commands on the same picture share what is seen of it, with their deadlines', async () => {
    const { planner, engine } = await realPlanner();
    const command$ = of<Command[]>(instruction, { instruction: 'go left', deadlineMs: 60_000 });
    const policy = { policy: 'merge', concurrency: 2, maxQueued: 0, overflow: 'error' } as const;
    const frame$ = of(picture(32, 32));
    const told = await lastValueFrom(imagineOn(planner, { command$, frame$, ...policy }).pipe(toArray()));
    expect(engine.runs).toMatchObject({ 'frame encoder': 1, 'vision tower': 1, condition: 2 });
    const ends = told.flatMap((event) => (event.kind === 'end' ? [event.report.deadline?.deadlineMs] : []));
    expect(ends.sort()).toEqual([60_000, undefined]);
  });

  it('looks at nothing for a command that comes when the camera has failed', async () => {
    const { planner, engine } = await realPlanner();
    const frame$ = concat(
      of(picture(32, 32)),
      throwError(() => new Error('no camera')),
    );
    const live = imagineOn(planner, { command$: of(instruction), frame$, policy: 'switch' });
    await expect(lastValueFrom(live)).rejects.toThrow('no camera');
    await firstValueFrom(timer(300));
    expect(engine.runs).toEqual({});
  });

  it('unsubscribing while the picture is looked at stops that as well', async () => {
    const { planner, engine } = await realPlanner();
    const frame$ = of(picture(32, 32), picture(32, 32, 1), picture(32, 32, 2));
    const command$ = concat(of(instruction), NEVER);
    const live = imagineOn(planner, { command$, frame$, policy: 'switch', numGivenFrames: 3 });
    await lastValueFrom(live.pipe(take(1)));
    const begun = live.subscribe();
    while ((engine.runs['frame encoder'] ?? 0) === 0) await firstValueFrom(timer(1));
    begun.unsubscribe();
    await firstValueFrom(timer(300));
    expect(engine.runs['frame encoder']).toBeLessThanOrEqual(2);
    expect(engine.runs['vision tower']).toBeUndefined();
  });
});
