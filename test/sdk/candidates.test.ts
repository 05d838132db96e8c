import { lastValueFrom, map, NEVER, of, take, timer, toArray } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { type CandidatesEvent, type CandidatesRequest, candidates } from '#sdk/candidates.js';
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
    await expect(ranked({ rank: () => Number.NaN })).rejects.toMatchObject({ code: 'invalid-argument' });
    const rank = () => {
      throw new Error('no opinion');
    };
    await expect(ranked({ rank })).rejects.toThrow('no opinion');
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
  [{ seeds: [] }, 'at least one instruction and one seed'],
  [{ instruction: [] }, 'at least one instruction and one seed'],
  [{ concurrency: 0 }, 'concurrency'],
  [{ seeds: 1e9 }, 'candidates: expected at most 1000, got 1000000000'],
  [{ seeds: 501, instruction: ['a', 'b'] }, 'candidates: expected at most 1000, got 1002'],
])('refuses %o', async (request, what) => {
  await expect(ranked(request)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(what),
  });
});

it('on the real engine: the frame is looked at once, each seed gives its clip, and unsubscribing stops all', async () => {
  const engine = countingEngine();
  const planner = await VideoPlanner.load(await tinyModel(), { engine });
  onTestFinished(() => planner.dispose());
  const instruction = ['put the red cube on the blue plate', 'push the green ball to the left'];
  const request = { frames: [picture(32, 32)], instruction, seeds: 2 };
  const events = await lastValueFrom(candidates(planner, request).pipe(toArray()));
  expect(engine.runs).toMatchObject({ 'frame encoder': 1, 'vision tower': 1, condition: 4, denoiser: 8 });
  const end = events.at(-1);
  if (end?.kind !== 'end') throw new Error('no end');
  expect(end.ranked.map(({ candidate }) => candidate).sort()).toEqual([0, 1, 2, 3]);
  for (const { instruction: text, seed, report } of end.ranked)
    expect(report).toMatchObject({ instruction: text, seed });
  expect([...end.spreads.values()].map(({ overall }) => overall > 0)).toEqual([true, true]);

  const before = engine.runs.denoiser ?? 0;
  await lastValueFrom(candidates(planner, { ...request, numInferenceSteps: 30 }).pipe(take(2)));
  await lastValueFrom(timer(300));
  expect((engine.runs.denoiser ?? 0) - before).toBeLessThanOrEqual(3);
  expect(engine.residents).toBe(0);
});
