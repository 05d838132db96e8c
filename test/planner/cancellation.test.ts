import { describe, expect, it, onTestFinished } from 'vitest';
import type { StatePrompter } from '#planner/conditioning/state-prompter.js';
import type { ImagineEvent } from '#planner/imagination/events.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { type CountingEngine, countingEngine } from '../support/counting-engine.js';
import { tinyModel } from '../support/tiny-model.js';
import { picture } from './conditioning/pictures.js';

async function setUp(): Promise<{ planner: VideoPlanner; engine: CountingEngine }> {
  const engine = countingEngine();
  const planner = await VideoPlanner.load(await tinyModel(), { engine });
  onTestFinished(() => planner.dispose());
  return { planner, engine };
}

/** Aborts at the first event that `when` is true of, and returns the events and the error. */
async function aborted(planner: VideoPlanner, when: (event: ImagineEvent) => boolean) {
  const controller = new AbortController();
  const request = {
    frames: [picture(32, 32)],
    instruction: 'put the red cube on the blue plate',
    seed: 7,
    numInferenceSteps: 5,
    textGuidance: 2,
    abortSignal: controller.signal,
  };
  const events: string[] = [];
  try {
    for await (const event of planner.imagine(request)) {
      events.push(event.kind);
      if (when(event)) controller.abort(new Error('enough'));
    }
  } catch (error) {
    return { events, error };
  }
  return { events, error: undefined };
}

describe('a clip that is cancelled', () => {
  it('ends within one denoising step and keeps nothing with the engine', async () => {
    const { planner, engine } = await setUp();
    const { events, error } = await aborted(planner, (event) => event.kind === 'step' && event.step === 2);
    expect(error).toMatchObject({ code: 'aborted', cause: { message: 'enough' } });
    expect(events).toEqual(['step', 'step']);
    expect(engine.runs.denoiser).toBe(2);
    expect(engine.runs.decoder).toBeUndefined();
    expect(engine.residents).toBe(0);
  });

  it('gives no more frames', async () => {
    const { planner, engine } = await setUp();
    const { events, error } = await aborted(planner, (event) => event.kind === 'frame');
    expect(error).toMatchObject({ code: 'aborted' });
    expect(events.filter((kind) => kind !== 'step')).toEqual(['frame']);
    expect(engine.residents).toBe(0);
  });

  it('leaves a planner that imagines the next one as if nothing had been', async () => {
    const { planner, engine } = await setUp();
    const whole = async () => {
      const events: ImagineEvent[] = [];
      const request = { frames: [picture(32, 32)], instruction: 'push the red cube to the left', seed: 3 };
      for await (const event of planner.imagine(request)) events.push(event);
      return events.flatMap((event) => (event.kind === 'frame' ? [event.frame] : []));
    };
    const before = await whole();
    await aborted(planner, (event) => event.kind === 'step');
    expect(await whole()).toEqual(before);
    expect(engine.residents).toBe(0);
  });

  it('holds the keys and values while it is imagined', async () => {
    const { planner, engine } = await setUp();
    const held: number[] = [];
    const request = { frames: [picture(32, 32)], instruction: 'push the red cube to the left', seed: 3 };
    for await (const { kind } of planner.imagine(request)) if (kind === 'step') held.push(engine.residents);
    expect(held[0]).toBeGreaterThan(0);
    expect(engine.residents).toBe(0);
  });
});

it('a frame that is looked at can be left between two runs of the engine', async () => {
  const { planner, engine } = await setUp();
  const controller = new AbortController();
  const looking = planner.observe(
    [0, 1, 2, 3].map((seed) => picture(32, 32, seed)),
    {
      abortSignal: controller.signal,
    },
  );
  const ends = expect(looking).rejects.toMatchObject({ code: 'aborted' });
  while ((engine.runs['frame encoder'] ?? 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  controller.abort();
  await ends;
  expect(engine.runs['frame encoder']).toBeLessThanOrEqual(2);
  expect(engine.runs['vision tower']).toBeUndefined();
  await expect(planner.observe([picture(32, 32)], { abortSignal: controller.signal })).rejects.toMatchObject({
    code: 'aborted',
  });
});

it('a state prompter that does not listen is not waited for', async () => {
  const engine = countingEngine();
  const statePrompter: StatePrompter = { name: 'deaf/1', states: () => new Promise(() => undefined) };
  const planner = await VideoPlanner.load(await tinyModel(), { engine, statePrompter });
  onTestFinished(() => planner.dispose());
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  const clip = planner.imagine({
    frames: [picture(32, 32)],
    instruction: 'push the red cube to the left',
    abortSignal: controller.signal,
  });
  await expect(clip.next()).rejects.toMatchObject({ code: 'aborted' });
});
