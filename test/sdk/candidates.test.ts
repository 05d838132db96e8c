import { lastValueFrom, map, NEVER, of, take, throwError, timer, toArray } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import type { StatePrompter } from '#planner/conditioning/state-prompter.js';
import { AidError } from '#planner/errors.js';
import { DeadlineExceededError } from '#planner/imagination/deadline.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { type CandidatesEvent, type CandidatesRequest, candidates } from '#sdk/candidates.js';
import { SharedDeadline } from '#sdk/shared-deadline.js';
import { spreadOf } from '#sdk/spread.js';
import { picture } from '../planner/conditioning/pictures.js';
import { countingEngine } from '../support/counting-engine.js';
import { tinyModel } from '../support/tiny-model.js';
import { clipEvents, end, fakePlanner, frame, marbles, observation } from './fake-planner.js';

const plain = (value: number): Frame => ({ width: 8, height: 8, data: new Uint8Array(192).fill(value) });

/** A planner whose clips are one frame, as bright as their seed. */
const bright = () => fakePlanner(({ seed = 0 }) => of(end([plain(seed)])));

async function ranked(request: Partial<CandidatesRequest>) {
  const whole = { frames: [frame], instruction: 'go left', ...request };
  const event = await lastValueFrom(candidates(bright(), whole));
  if (event.kind !== 'end') throw new Error(`${event.kind} came last`);
  return event;
}

describe('ranking', () => {
  it('takes the most typical clip of an instruction first, and says why', async () => {
    const end = await ranked({ seeds: [10, 20, 90] });
    expect(end.ranked.map(({ seed }) => seed)).toEqual([20, 10, 90]);
    // The mean is 40.
    expect(end.ranked.map(({ score }) => score)).toEqual(
      [20, 30, 50].map((d) => expect.closeTo(-d / 255, 6)),
    );
    expect(end.ranked[0]?.reason).toBe('differs by 7.84 % from the mean of 3 clips');
  });

  it('looks at each clip a few times, however many there are', async () => {
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    let looks = 0;
    const planner = fakePlanner(({ seed = 0 }) => {
      const { width, height, data } = plain(seed);
      const seen: Frame = {
        width,
        height,
        get data() {
          looks += 1;
          return data;
        },
      };
      return of(end([seen]));
    });
    await lastValueFrom(candidates(planner, { frames: observation, instruction: 'go left', seeds }));
    expect(looks).toBeLessThanOrEqual(4 * seeds.length);
  });

  it("is the caller's when there is one, which may take its time", async () => {
    const rank: CandidatesRequest['rank'] = async ({ seed }, { candidates: all, spread }) => {
      expect([all.length, spread?.numClips]).toEqual([4, 2]);
      return { score: seed, reason: `seed ${seed}` };
    };
    const end = await ranked({ instruction: ['go left', 'go right'], seeds: [1, 5], rank });
    expect(end.ranked.map(({ candidate, reason }) => `${candidate} ${reason}`)).toEqual([
      '1 seed 5',
      '3 seed 5',
      '0 seed 1',
      '2 seed 1',
    ]);
  });

  it('a score that is no number, or a ranking that throws, is the error', async () => {
    const scores = [Number.NaN, undefined, { score: undefined }, { reason: 'none' }] as unknown as number[];
    for (const score of scores)
      await expect(ranked({ rank: () => score })).rejects.toMatchObject({ code: 'invalid-argument' });
    const rank = () => {
      throw new Error('no opinion');
    };
    await expect(ranked({ rank })).rejects.toThrow('no opinion');
  });
});

describe('a ranking that takes its time', () => {
  const request = { frames: observation, instruction: 'go left', seeds: [1, 2, 3, 4] };

  it.each([
    [1, 1],
    [2, 2],
  ])('goes on for as many at a time as clips are imagined: %i', async (concurrency, expected) => {
    let [running, most] = [0, 0];
    const rank: CandidatesRequest['rank'] = async ({ seed }) => {
      most = Math.max(most, ++running);
      await lastValueFrom(timer(2));
      running -= 1;
      return seed;
    };
    await ranked({ ...request, rank, concurrency });
    expect(most).toBe(expected);
  });

  it('for more than ten at a time gives node nothing to warn of', async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    process.on('warning', warn);
    onTestFinished(() => void process.off('warning', warn));
    const rank: CandidatesRequest['rank'] = async ({ seed }, { abortSignal }) => {
      abortSignal.addEventListener('abort', () => undefined);
      await lastValueFrom(timer(2));
      return seed;
    };
    await ranked({ ...request, seeds: 24, rank, concurrency: 24, pace: () => timer(1) });
    expect(warnings).toEqual([]);
  });

  it('ends with who waits for it', async () => {
    const asked: number[] = [];
    let stopped: AbortSignal | undefined;
    const rank: CandidatesRequest['rank'] = ({ seed }, { abortSignal }) => {
      asked.push(seed);
      stopped = abortSignal;
      return new Promise(() => undefined);
    };
    const subscription = candidates(bright(), { ...request, rank }).subscribe();
    while (asked.length === 0) await lastValueFrom(timer(1));
    subscription.unsubscribe();
    await lastValueFrom(timer(10));
    expect([asked, stopped?.aborted]).toEqual([[1], true]);
    const controller = new AbortController();
    const end = ranked({ ...request, rank, abortSignal: controller.signal });
    setTimeout(() => controller.abort(), 10);
    await expect(end).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('a candidate that fails', () => {
  const request = { frames: observation, instruction: 'go left', seeds: [10, 20, 90] };
  const late = new DeadlineExceededError('late', new Map(), 1, []);
  /** A planner on which these seeds fail. */
  const failing = (error: AidError, ...seeds: readonly number[]) =>
    fakePlanner(({ seed = 0 }) => (seeds.includes(seed) ? throwError(() => error) : of(end([plain(seed)]))));

  it('is told, and the others are ranked', async () => {
    const stream = candidates(failing(late, 10), { ...request, rank: ({ seed }) => seed });
    const events = await lastValueFrom(stream.pipe(toArray()));
    expect(events.map(({ kind }) => kind)).toEqual([
      'candidate-failed',
      'candidate-end',
      'candidate-end',
      'end',
    ]);
    const failed = { candidate: 0, instruction: 'go left', seed: 10, error: late };
    expect(events[0]).toMatchObject(failed);
    expect(events.at(-1)).toMatchObject({ ranked: [{ seed: 90 }, { seed: 20 }], failed: [failed] });
  });

  it('is the error where there is no other', async () => {
    const told: string[] = [];
    const stream = candidates(failing(late, ...request.seeds), request);
    await expect(lastValueFrom(stream.pipe(map(({ kind }) => told.push(kind))))).rejects.toBe(late);
    expect(told).toEqual(Array(3).fill('candidate-failed'));
  });

  it.each(['invalid-argument', 'invalid-image', 'aborted'] as const)(
    'for a reason that all have in common ends the stream: %s',
    async (code) => {
      const planner = failing(new AidError(code, 'wrong'), 20);
      await expect(lastValueFrom(candidates(planner, request))).rejects.toMatchObject({ code });
      expect(planner.requests).toHaveLength(2);
    },
  );

  it('as one of which the engine makes no numbers', async () => {
    const engine = countingEngine();
    const load = engine.load.bind(engine);
    engine.load = async (graph, options) => {
      const session = await load(graph, options);
      return {
        ...session,
        run: async (inputs, runOptions) => {
          const result = await session.run(inputs, runOptions);
          const pixels = result.tensors.pixels?.data;
          if (pixels instanceof Float32Array && engine.runs.decoder === 1) pixels.fill(Number.NaN);
          return result;
        },
      };
    };
    const planner = await VideoPlanner.load(await tinyModel(), { engine });
    onTestFinished(() => planner.dispose());
    const asked = { frames: [picture(32, 32)], instruction: 'go left', seeds: [1, 2] };
    const last = await lastValueFrom(candidates(planner, asked));
    expect(last).toMatchObject({
      ranked: [{ seed: 2 }],
      failed: [{ seed: 1, error: { code: 'engine-failed' } }],
    });
  });

  it('and whatever else there is, waits for a consumer who sets the pace', async () => {
    const paced: string[] = [];
    const pace = ({ kind }: CandidatesEvent) => {
      paced.push(kind);
      return timer(1);
    };
    const events = await lastValueFrom(candidates(failing(late, 10), { ...request, pace }).pipe(toArray()));
    expect(paced).toEqual(events.map(({ kind }) => kind));
  });

  it.each(['candidate-failed', 'end'])('who aborts when told of it waits for no pace: %s', async (kind) => {
    const controller = new AbortController();
    const pace = (event: CandidatesEvent) => (event.kind === kind ? NEVER : of(0));
    const asked = { ...request, pace, abortSignal: controller.signal };
    const told: string[] = [];
    await new Promise<void>((resolve) => {
      candidates(failing(late, 10), asked).subscribe({
        next: (event) => {
          told.push(event.kind);
          if (event.kind === kind) controller.abort();
        },
        error: (error: AidError) => resolve(void told.push(error.code)),
        complete: () => resolve(void told.push('complete')),
      });
    });
    expect(told.at(-1)).toBe(kind === 'end' ? 'complete' : 'aborted');
  });
});

describe('a deadline', () => {
  const request = { frames: observation, instruction: ['a', 'b'], seeds: [1, 2] };
  /** A planner whose clips take so long each, one after the other. */
  function taking(...times: number[]) {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    return fakePlanner(({ seed = 0 }) => {
      vi.advanceTimersByTime(times.shift() ?? 0);
      return of(end([plain(seed)]));
    });
  }
  const given = ({ requests }: ReturnType<typeof taking>) => requests.map(({ deadlineMs }) => deadlineMs);

  it('is for all clips: each gets its part of what is left', async () => {
    const planner = taking(250, 50, 300, 0);
    await lastValueFrom(candidates(planner, { ...request, deadlineMs: 1000 }));
    expect(given(planner)).toEqual([250, 250, 350, 400]);
  });

  it('is for as many rounds as there are where several are imagined at once', async () => {
    const planner = taking();
    await lastValueFrom(candidates(planner, { ...request, concurrency: 3, deadlineMs: 1000 }));
    expect(given(planner)).toEqual([500, 1000, 1000, 1000]);
  });

  it('that has passed lets no other clip begin', async () => {
    const planner = taking(100, 900);
    const last = await lastValueFrom(candidates(planner, { ...request, deadlineMs: 1000 }));
    expect(given(planner)).toEqual([250, 300]);
    expect(last).toMatchObject({
      kind: 'end',
      ranked: [{ seed: 1 }, { seed: 2 }],
      failed: [2, 3].map((candidate) => ({ candidate, error: { code: 'deadline-exceeded' } })),
    });
  });

  it('may be shared by several streams', async () => {
    const planner = taking(100, 100, 100, 100);
    const deadlineMs = new SharedDeadline(1000, 4);
    for (const instruction of request.instruction)
      await lastValueFrom(candidates(planner, { ...request, instruction, deadlineMs }));
    expect(given(planner)).toEqual([250, 300, 400, 700]);
  });

  it.each([0, -1, 1.5, Number.NaN])('is not shared by %s clips', (numClips) => {
    expect(() => new SharedDeadline(1000, numClips)).toThrow('numClips: expected a whole number');
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %s', async (deadlineMs) => {
    await expect(ranked({ deadlineMs })).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});

describe('spread over seeds', () => {
  it('is the standard deviation at each pixel, its mean over a frame and over the clip', async () => {
    const { spreads } = await ranked({ instruction: ['a', 'b'], seeds: [10, 20, 90] });
    const deviation = Math.sqrt((30 ** 2 + 20 ** 2 + 50 ** 2) / 2) / 255;
    expect([...spreads.keys()]).toEqual(['a', 'b']);
    const spread = spreads.get('a');
    expect(spread).toMatchObject({ numClips: 3, overall: expect.closeTo(deviation, 6) });
    expect(spread?.perFrame).toEqual([expect.closeTo(deviation, 6)]);
    expect([...(spread?.perPixel[0] ?? [])]).toEqual(Array(64).fill(expect.closeTo(deviation, 6)));
  });

  it('says where clips differ', () => {
    const other = plain(0);
    other.data.fill(255, 3 * 5, 3 * 5 + 3);
    const { perPixel, perFrame } = spreadOf([
      [plain(0), plain(0)],
      [plain(0), other],
    ]);
    expect(perFrame[0]).toBe(0);
    expect(perPixel[1]?.findIndex((value) => value > 0)).toBe(5);
    expect(perPixel[1]?.filter((value) => value > 0)).toHaveLength(1);
  });

  it('needs two clips of one shape', async () => {
    expect((await ranked({})).spreads.size).toBe(0);
    expect(() => spreadOf([[frame]])).toThrow('at least two clips');
    expect(() => spreadOf([[frame], [picture(16, 8)]])).toThrow('frame 0: expected 8x8, got 16x8');
    expect(() => spreadOf([[frame], [frame, frame]])).toThrow('one length');
  });
});

describe('in virtual time', () => {
  const request = { frames: observation, instruction: 'go left', seeds: [1, 2, 3] };
  const short = (event: CandidatesEvent): string =>
    'candidate' in event ? `${event.kind.at(-1)}${event.candidate}` : 'end';

  it('imagines one after the other unless told otherwise', () =>
    marbles().run(({ cold, expectObservable }) => {
      const planner = fakePlanner(() => cold('--(e|)', clipEvents));
      const events = candidates(planner, { ...request, concurrency: 1 }).pipe(take(2), map(short));
      expectObservable(events).toBe('--a-(b|)', { a: 'd0', b: 'd1' });
      const together = candidates(planner, { ...request, concurrency: 3 }).pipe(take(3), map(short));
      expectObservable(together).toBe('--(abc|)', { a: 'd0', b: 'd1', c: 'd2' });
    }));

  it('unsubscribing stops them all', () => {
    const planner = fakePlanner(() => NEVER);
    marbles().run(({ expectObservable }) => {
      expectObservable(candidates(planner, { ...request, concurrency: 2 }), '^--!').toBe('----');
    });
    expect(planner.requests.map(({ abortSignal }) => abortSignal?.aborted)).toEqual([true, true]);
  });
});

it.each([
  [{ seeds: 0 }, 'seeds'],
  [{ seeds: null }, 'seeds: expected a whole number of at least 1, or a list of seeds, got null'],
  [{ rank: 'best' }, 'rank: expected a function, got a string'],
  [{ deadlineMs: '500' }, 'deadlineMs: expected a positive number, got 500'],
  [{ deadlineMs: null }, 'deadlineMs: expected a positive number, got null'],
  [{ seeds: [] }, 'at least one instruction and one seed'],
  [{ instruction: [] }, 'at least one instruction and one seed'],
  [{ concurrency: 0 }, 'concurrency'],
  [{ seeds: 2, frames: 'frame.png' }, 'frames: expected a list'],
  [{ seeds: 2, frames: undefined }, 'frames: expected a list'],
  [{ abortSignal: new AbortController() }, 'abortSignal: expected an AbortSignal'],
  [{ seeds: 1e9 }, 'candidates: expected at most 1000, got 1000000000'],
  [{ seeds: 501, instruction: ['a', 'b'] }, 'candidates: expected at most 1000, got 1002'],
])('refuses %o', async (request, what) => {
  await expect(ranked(request as Partial<CandidatesRequest>)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(what),
  });
});

it('on the real engine: the frame is looked at once, each seed gives its clip, and unsubscribing stops all', async () => {
  const engine = countingEngine();
  const prompted: string[] = [];
  const statePrompter: StatePrompter = {
    name: 'counting/1',
    states: async ({ instruction }) => {
      prompted.push(instruction);
      return {
        states: ['a', 'b', 'c', `${prompted.length}`],
        writtenBy: 'counting/1',
        fallbackReason: 'why',
      };
    },
  };
  const planner = await VideoPlanner.load(await tinyModel(), { engine, statePrompter });
  onTestFinished(() => planner.dispose());
  const instruction = ['put the red cube on the blue plate', 'push the green ball to the left'];
  const request = { frames: [picture(32, 32)], instruction, seeds: 2 };
  const events = await lastValueFrom(candidates(planner, request).pipe(toArray()));
  expect(engine.runs).toMatchObject({ 'frame encoder': 1, 'vision tower': 1, condition: 4, denoiser: 8 });
  const end = events.at(-1);
  if (end?.kind !== 'end') throw new Error('no end');
  expect(end.ranked.map(({ candidate }) => candidate).sort()).toEqual([0, 1, 2, 3]);
  for (const { instruction: text, seed, report } of end.ranked)
    expect(report).toMatchObject({
      instruction: text,
      seed,
      states: ['a', 'b', 'c', `${1 + instruction.indexOf(text)}`],
      statesWrittenBy: 'counting/1',
      statesFallbackReason: 'why',
    });
  expect(prompted).toEqual(instruction);
  expect([...end.spreads.values()].map(({ overall }) => overall > 0)).toEqual([true, true]);

  const before = engine.runs.denoiser ?? 0;
  await lastValueFrom(candidates(planner, { ...request, numInferenceSteps: 30 }).pipe(take(2)));
  await lastValueFrom(timer(300));
  expect((engine.runs.denoiser ?? 0) - before).toBeLessThanOrEqual(3);
  expect(engine.residents).toBe(0);
});
