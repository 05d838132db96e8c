import { firstValueFrom, lastValueFrom, map, NEVER, Observable, take, timer, toArray } from 'rxjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AidError } from '#planner/errors.js';
import type { ImagineEvent } from '#planner/imagination/events.js';
import type { ImagineRequest } from '#planner/imagination/request.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { imagine } from '#sdk/imagine.js';
import { rollout } from '#sdk/rollout.js';
import { endOnly, framesOnly, previewsOnly, progressOnly } from '#sdk/select-events.js';
import { picture } from '../planner/conditioning/pictures.js';
import { type CountingEngine, countingEngine } from '../support/counting-engine.js';
import { tinyModel } from '../support/tiny-model.js';
import { clipEvents, end, fakePlanner, frame, marbles } from './fake-planner.js';

const request = { frames: [picture(32, 32)], instruction: 'put the red cube on the blue plate', seed: 7 };

async function realPlanner(): Promise<{ planner: VideoPlanner; engine: CountingEngine }> {
  const engine = countingEngine();
  const planner = await VideoPlanner.load(await tinyModel(), { engine });
  onTestFinished(() => planner.dispose());
  return { planner, engine };
}

const settled = (): Promise<number> => firstValueFrom(timer(300));

describe('in virtual time', () => {
  it('is cold: nothing runs before it is subscribed to, and every subscription runs anew', () =>
    marbles().run(({ cold, expectObservable }) => {
      const planner = fakePlanner(() => cold('-12-(fe|)', clipEvents));
      const clip = imagine(planner, request);
      expect(planner.requests).toEqual([]);
      expectObservable(clip).toBe('-12-(fe|)', clipEvents);
      expectObservable(clip, '---^').toBe('----12-(fe|)', clipEvents);
    }));

  it('stops what it subscribed to, and aborts the signal', () => {
    const planner = fakePlanner(() => NEVER);
    marbles().run(({ expectObservable }) => {
      expectObservable(imagine(planner, request), '^--!').toBe('----');
    });
    expect(planner.requests[0]?.abortSignal?.aborted).toBe(true);
  });

  it("aborting the request's signal stops an Observable, and is an error", () => {
    const controller = new AbortController();
    const { signal: abortSignal } = controller;
    marbles().run(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('1--2--');
      cold('--a').subscribe(() => controller.abort('enough'));
      const clip = imagine(
        fakePlanner(() => source.pipe(map((name) => clipEvents[name] as ImagineEvent))),
        { ...request, abortSignal },
      );
      const error = expect.objectContaining({ code: 'aborted', cause: 'enough' });
      expectObservable(clip).toBe('1-#', clipEvents, error);
      expectSubscriptions(source.subscriptions).toBe('^-!');
    });
  });

  it('gives one error', () =>
    marbles().run(({ cold, expectObservable }) => {
      const error = new AidError('engine-failed', 'gone');
      const planner = fakePlanner(() => cold('-1#', clipEvents, error));
      expectObservable(imagine(planner, request)).toBe('-1#', clipEvents, error);
      const broken = fakePlanner(() => {
        throw error;
      });
      expectObservable(imagine(broken, request)).toBe('#', {}, error);
    }));

  it('events wait for a consumer who sets the pace', () =>
    marbles().run(({ cold, expectObservable }) => {
      const planner = fakePlanner(() => cold('12(fe|)', clipEvents));
      const clip = imagine(planner, request, { pace: ({ kind }) => (kind === 'step' ? cold('---|') : []) });
      expectObservable(clip).toBe('1--2--(fe|)', clipEvents);
    }));

  it('picks the end, progress, previews and frames', () =>
    marbles().run(({ cold, expectObservable }) => {
      const shown = { ...clipEvents[2], preview: new Map([[3, frame]]) } as ImagineEvent;
      const planner = fakePlanner(() => cold('1p-(fe|)', { ...clipEvents, p: shown }));
      const clip = imagine(planner, request);
      expectObservable(clip.pipe(endOnly())).toBe('---(e|)', { e: end() });
      expectObservable(clip.pipe(framesOnly())).toBe('---(f|)', { f: frame });
      const progress = { a: { step: 1, steps: 2 }, b: { step: 2, steps: 2 } };
      expectObservable(clip.pipe(progressOnly())).toBe('ab-|', progress);
      expectObservable(clip.pipe(previewsOnly())).toBe('-p-|', { p: { ...progress.b, index: 3, frame } });
    }));
});

describe('on the real engine', () => {
  it('gives the events of the planner, twice the same from two subscriptions', async () => {
    const { planner } = await realPlanner();
    const clip = imagine(planner, { ...request, previewFrames: [3] });
    const [first, second] = await Promise.all([1, 2].map(() => lastValueFrom(clip.pipe(toArray()))));
    expect(first?.map(({ kind }) => kind)).toEqual(['step', 'step', ...Array(4).fill('frame'), 'end']);
    const frames = (events: readonly ImagineEvent[] = []): unknown =>
      events.map((event) =>
        event.kind === 'end' ? event.frames : event.kind === 'step' ? event.preview : [],
      );
    expect(frames(second)).toEqual(frames(first));
  });

  it('unsubscribing stops within one denoising step and lets go of what the engine kept', async () => {
    const { planner, engine } = await realPlanner();
    const clip = imagine(planner, { ...request, numInferenceSteps: 50 });
    await lastValueFrom(clip.pipe(take(3)));
    const soon = engine.runs.denoiser ?? 0;
    await settled();
    expect(engine.runs.denoiser).toBeLessThanOrEqual(soon + 1);
    expect(soon).toBeLessThanOrEqual(4);
    expect(engine.residents).toBe(0);
  });

  it("aborting the request's own signal is an error", async () => {
    const { planner } = await realPlanner();
    const controller = new AbortController();
    const clip = imagine(planner, { ...request, numInferenceSteps: 50, abortSignal: controller.signal });
    const end = lastValueFrom(clip);
    const first = firstValueFrom(clip);
    await first;
    controller.abort();
    await expect(end).rejects.toMatchObject({ code: 'aborted' });
  });

  it('stands still while a consumer who sets the pace is busy', async () => {
    const { planner, engine } = await realPlanner();
    const counts: number[] = [];
    const pace = async (): Promise<void> => {
      const before = engine.runs.denoiser ?? 0;
      await firstValueFrom(timer(30));
      counts.push((engine.runs.denoiser ?? 0) - before);
    };
    await lastValueFrom(imagine(planner, { ...request, numInferenceSteps: 4 }, { pace }));
    expect(counts).toEqual(Array(4 + 4 + 1).fill(0));
  });

  it('a failing pace is the error of the clip', async () => {
    const { planner, engine } = await realPlanner();
    const pace = () => Promise.reject(new Error('no room'));
    await expect(lastValueFrom(imagine(planner, request, { pace }))).rejects.toThrow('no room');
    await settled();
    expect(engine.residents).toBe(0);
  });

  it('unsubscribing or aborting while a consumer sets the pace lets go of the consumer and of the engine', async () => {
    const { planner, engine } = await realPlanner();
    let [begun, left] = [0, 0];
    /** A consumer that is never done. */
    const pace = () =>
      new Observable<never>((subscriber) => {
        begun += 1;
        subscriber.add(() => {
          left += 1;
        });
      });
    await lastValueFrom(imagine(planner, request, { pace }).pipe(take(1)));
    const subscription = imagine(planner, request, { pace }).subscribe();
    while (begun === 0) await settled();
    expect(engine.residents).toBeGreaterThan(0);
    subscription.unsubscribe();
    await settled();
    expect([begun, left, engine.residents]).toEqual([1, 1, 0]);
    const controller = new AbortController();
    const asked = { ...request, abortSignal: controller.signal };
    const end = lastValueFrom(imagine(planner, asked, { pace }));
    const ends = expect(end).rejects.toMatchObject({ code: 'aborted' });
    while (begun === 1) await settled();
    controller.abort();
    await ends;
    expect([left, engine.residents]).toEqual([2, 0]);
  });

  it('bad requests are one error', async () => {
    const { planner } = await realPlanner();
    const bad = imagine(planner, { ...request, instruction: ' ' });
    await expect(lastValueFrom(bad)).rejects.toMatchObject({ code: 'invalid-argument' });
    for (const none of [undefined, { ...request, abortSignal: new AbortController() }])
      await expect(lastValueFrom(imagine(planner, none as unknown as ImagineRequest))).rejects.toMatchObject({
        code: 'invalid-argument',
      });
  });

  it('rolls out long video, and stops it', async () => {
    const { planner, engine } = await realPlanner();
    const video = rollout(planner, { ...request, numClips: 3 });
    const events = await lastValueFrom(video.pipe(toArray()));
    expect(events.filter(({ kind }) => kind === 'clip')).toHaveLength(3);
    expect(events.at(-1)).toMatchObject({ kind: 'end', frames: { length: 3 * 3 + 1 } });
    const before = engine.runs.denoiser ?? 0;
    await lastValueFrom(video.pipe(take(1)));
    await settled();
    expect((engine.runs.denoiser ?? 0) - before).toBeLessThanOrEqual(2);
    expect(engine.residents).toBe(0);
  });
});
