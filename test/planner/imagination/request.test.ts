/** What comes from callers whom no compiler has checked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { StatePrompter } from '#planner/conditioning/state-prompter.js';
import type { ImagineRequest } from '#planner/imagination/request.js';
import type { RolloutRequest } from '#planner/imagination/rollout.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { writeTinyModel } from '../../support/tiny-model.js';
import { picture } from '../conditioning/pictures.js';

const frame = picture(32, 32);
const texts = ['a', 'b', 'c', 'd'];

const folder = mkdtempSync(join(tmpdir(), 'aid-request-'));
let planner: VideoPlanner;
beforeAll(async () => {
  planner = await VideoPlanner.load(await writeTinyModel(folder), { provider: 'cpu', threads: 1 });
});
afterAll(async () => {
  await planner.dispose();
  rmSync(folder, { recursive: true });
});

async function ended(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events);
}

const FRAMES: readonly (readonly [message: string, frames: unknown, code?: string])[] = [
  ['frames: expected a list of pictures, got undefined', undefined],
  ['frames: expected a list of pictures, got a string', 'frame.png'],
  ['frames: expected a list of pictures, got an object', frame],
  ['frames: expected at least one', []],
  ['frames[0]: expected a frame, or the path or bytes of a picture, got undefined', [undefined]],
  ['frames[1]: expected a frame, or the path or bytes of a picture, got a number', [frame, 7]],
  ['frames[1]: expected at least 8x8 pixels, got 32xundefined', [frame, { width: 32 }], 'invalid-image'],
  [
    'frames[0]: expected 3072 bytes, 32x32 pixels of 3, got 3071',
    [{ ...frame, data: frame.data.subarray(1) }],
    'invalid-image',
  ],
  [
    'frames[0]: expected the bytes of its pixels, got an array',
    [{ ...frame, data: [...frame.data] }],
    'invalid-image',
  ],
  ['frames[0]: expected at least 8x8 pixels, got 2x2', [picture(2, 2)], 'invalid-image'],
];

const OTHERS: readonly (readonly [message: string, change: Record<string, unknown>])[] = [
  ["frames: expected at most the clip's 4, got 5", { frames: Array(5).fill(frame) }],
  ['instruction: expected text, got undefined', { instruction: undefined }],
  ['states: expected four texts, got 3', { states: texts.slice(1) }],
  ['states: expected four texts, got a number among them', { states: [...texts.slice(1), 4] }],
  ['states: expected four texts, got a string', { states: 'a|b|c|d' }],
  ['states: expected four texts, got null', { states: null }],
  ['sampler: expected one of euler, heun, dpm++2m, got ddim', { sampler: 'ddim' }],
  ['sampler: expected one of euler, heun, dpm++2m, got toString', { sampler: 'toString' }],
  ['preset: the model has no toString; it has fast', { preset: 'toString' }],
  ['preset: the model has no __proto__; it has fast', { preset: '__proto__' }],
  ['previewFrames: expected a list of numbers, got a number', { previewFrames: 3 }],
  ['sigmas: expected a list of numbers, got a number', { sigmas: 3 }],
  ['textGuidance: expected a number from -1000 to 1000, got 1e+308', { textGuidance: 1e308 }],
  ['frameGuidance: expected a number from -1000 to 1000, got NaN', { frameGuidance: Number.NaN }],
  ['frameGuidance: expected a number from -1000 to 1000, got 2', { frameGuidance: '2' }],
  ['abortSignal: expected an AbortSignal, got a number', { abortSignal: 5 }],
];

describe('a request is refused:', () => {
  it.each([
    ...FRAMES.map(([message, frames, code]) => [message, { frames }, code] as const),
    ...OTHERS.map(([message, change]) => [message, change, undefined] as const),
  ])('%s', async (message, change, code = 'invalid-argument') => {
    const request = { frames: [frame], instruction: 'push the red cube', seed: 1, ...change };
    const error = { code, message: expect.stringContaining(message) };
    await expect(ended(planner.imagine(request as unknown as ImagineRequest))).rejects.toMatchObject(error);
    if ('states' in change || 'instruction' in change) return;
    await expect(ended(planner.rollout(request as unknown as RolloutRequest))).rejects.toMatchObject(error);
  });

  it('when there is none', async () => {
    const none = undefined as unknown as ImagineRequest & RolloutRequest;
    const error = { code: 'invalid-argument', message: 'request: expected an object, got undefined' };
    await expect(ended(planner.imagine(none))).rejects.toMatchObject(error);
    await expect(ended(planner.rollout(none))).rejects.toMatchObject(error);
  });

  it.each([
    ['instruction: expected text, or a list of texts, got undefined', { instruction: undefined }],
    ['instruction: expected text, or a list of texts, got a number', { instruction: 3 }],
    ['clip 0: instruction: expected text, got undefined', { instruction: [undefined] }],
    ['states: expected four texts, got a string', { states: 'a|b|c|d' }],
    ['states: expected four texts, got 3', { states: texts.slice(1) }],
    ['clip 1: states: expected four texts, got undefined', { states: [texts, undefined], numClips: 2 }],
  ])('for a long video: %s', async (message, change) => {
    const request = { frames: [frame], instruction: 'push the red cube', ...change };
    await expect(ended(planner.rollout(request as unknown as RolloutRequest))).rejects.toMatchObject({
      code: 'invalid-argument',
      message,
    });
  });
});

it.each(FRAMES)('a planner observes nothing else: %s', async (message, frames, code = 'invalid-argument') => {
  const error = { code, message };
  await expect(planner.observe(frames as never)).rejects.toMatchObject(error);
});

it.each([...FRAMES.map(([, frames]) => frames), ['frame.png']])(
  'a planner reconstructs nothing else: %#',
  async (frames) => {
    await expect(planner.reconstruct(frames as never)).rejects.toMatchObject({
      code: expect.stringMatching(/^invalid-/),
    });
  },
);

describe('what is still to come:', () => {
  const request = { frames: [frame], instruction: 'push the red cube', seed: 1 };
  const imagined = (change: object) => ended(planner.imagine({ ...request, ...change } as ImagineRequest));

  it.each([
    [
      'states: expected four texts, got 3',
      { states: Promise.resolve({ states: texts.slice(1), writtenBy: 'x' }) },
    ],
    [
      'states: expected the name of who wrote them, got undefined',
      { states: Promise.resolve({ states: texts }) },
    ],
    ['states: expected four texts, got undefined', { states: Promise.resolve() }],
    ['frames: expected an observation, got an array', { frames: Promise.resolve([frame]) }],
  ])('%s', async (message, change) => {
    await expect(imagined(change)).rejects.toMatchObject({ code: 'invalid-argument', message });
  });

  it('states as texts are taken', async () => {
    await imagined({ states: Promise.resolve(texts) });
  });

  it.each([
    ['before the frames are seen', () => ({ frames: [frame] })],
    ['beside frames that cannot be seen', () => ({ frames: Promise.reject(new Error('no frames')) })],
    ['beside a request that is refused', () => ({ instruction: '' })],
  ])('states that fail %s are told by the clip, if at all', async (_, change) => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listener);
    try {
      await expect(
        imagined({ ...change(), states: Promise.reject(new Error('no states')) }),
      ).rejects.toThrow();
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', listener);
    }
  });
});

describe("what a state prompter writes is checked, and its error is the planner's:", () => {
  it.each([
    ['expected four texts, got 3', async () => ({ states: texts.slice(1), writtenBy: 'own' })],
    [
      'expected four texts, got undefined among them',
      async () => ({ states: ['a', undefined, 'c', 'd'], writtenBy: 'own' }),
    ],
    ['expected four texts, got an array', async () => texts],
    ['fetch failed', () => Promise.reject(new TypeError('fetch failed'))],
  ])('%s', async (message, states) => {
    const own = await VideoPlanner.load(folder, {
      provider: 'cpu',
      threads: 1,
      statePrompter: { name: 'own', states } as unknown as StatePrompter,
    });
    onTestFinished(() => own.dispose());
    const error = { code: 'state-prompter-failed', message: `own: ${message}` };
    const instruction = 'push the red cube';
    await expect(ended(own.imagine({ frames: [frame], instruction, seed: 1 }))).rejects.toMatchObject(error);
    await expect(own.writeStates(await own.observe([frame]), instruction)).rejects.toMatchObject(error);
  });
});

it.each([
  ['model folder: expected its path, got undefined', undefined, {}],
  ['provider: expected one of auto, cpu, webgpu, cuda, tensorrt, got gpu', folder, { provider: 'gpu' }],
  ['threads: expected a whole number from 1 to 1024, got 0', folder, { threads: 0 }],
  ['abortSignal: expected an AbortSignal, got a number', folder, { abortSignal: 5 }],
  ['threads: expected a whole number from 1 to 1024, got 1.5', folder, { provider: 'cpu', threads: 1.5 }],
])('a planner is not loaded: %s', async (message, path, options) => {
  const loading = VideoPlanner.load(path as string, options as object);
  await expect(loading).rejects.toMatchObject({ code: 'invalid-argument', message });
});
