import { describe, expect, it, onTestFinished } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import type { StatePrompter, StateTexts } from '#planner/conditioning/state-prompter.js';
import type { ImagineRequest } from '#planner/imagination/request.js';
import type { RolloutEndEvent, RolloutEvent, RolloutRequest } from '#planner/imagination/rollout.js';
import { type LoadOptions, VideoPlanner } from '#planner/video-planner.js';
import { countingEngine } from '../support/counting-engine.js';
import { tinyModel } from '../support/tiny-model.js';
import { picture } from './conditioning/pictures.js';

const PUT = 'put the red cube on the blue plate';
const PUSH = 'push the green ball to the left';
const request = { frames: [picture(32, 32)], instruction: PUT, seed: 7 };

async function load(options: LoadOptions = {}): Promise<VideoPlanner> {
  const planner = await VideoPlanner.load(await tinyModel(), { engine: countingEngine(), ...options });
  onTestFinished(() => planner.dispose());
  return planner;
}

async function video(planner: VideoPlanner, asked: RolloutRequest): Promise<RolloutEvent[]> {
  const events: RolloutEvent[] = [];
  for await (const event of planner.rollout(asked)) events.push(event);
  return events;
}

function endOf(events: readonly RolloutEvent[]): RolloutEndEvent {
  const end = events.at(-1);
  if (end?.kind !== 'end') throw new Error('no end');
  return end;
}

async function clip(planner: VideoPlanner, asked: ImagineRequest): Promise<readonly Frame[]> {
  for await (const event of planner.imagine(asked)) if (event.kind === 'end') return event.frames;
  throw new Error('no end');
}

/** Writes numbered states, and remembers what it was shown. */
function numberingPrompter(): StatePrompter & { readonly seen: string[] } {
  const seen: string[] = [];
  return {
    name: 'numbers/1',
    seen,
    async states({ instruction }) {
      const states: StateTexts = ['a', 'b', 'c', String(seen.push(instruction))];
      return { states, writtenBy: 'numbers/1' };
    },
  };
}

describe('rollout', () => {
  it('continues each clip from the last frames of the one before, and shows shared frames once', async () => {
    const planner = await load();
    const events = await video(planner, { ...request, numClips: 3, overlapFrames: 2 });
    const { frames, reports } = endOf(events);
    expect(frames).toHaveLength(3 * (4 - 2) + 2);
    expect(reports.map(({ seed, numGivenFrames }) => [seed, numGivenFrames])).toEqual([
      [7, 1],
      [8, 2],
      [9, 2],
    ]);
    const first = await clip(planner, request);
    const second = await clip(planner, { ...request, frames: first.slice(-2), seed: 8 });
    const third = await clip(planner, { ...request, frames: second.slice(-2), seed: 9 });
    expect(frames).toEqual([...first, ...second.slice(2), ...third.slice(2)]);
  });

  it('tells of the steps of every clip, of its frames in the whole video, and of its end', async () => {
    const events = await video(await load(), { ...request, numClips: 2, previewFrames: [3] });
    const told = events.map((event) => {
      if (event.kind === 'step')
        return ['step', event.clip, event.clips, event.step, [...event.preview.keys()]];
      if (event.kind === 'frame') return ['frame', event.clip, event.index];
      return event.kind === 'clip' ? ['clip', event.clip, event.clips] : ['end'];
    });
    expect(told).toEqual([
      ...[1, 2].map((step) => ['step', 0, 2, step, [3]]),
      ...[0, 1, 2, 3].map((index) => ['frame', 0, index]),
      ['clip', 0, 2],
      ...[1, 2].map((step) => ['step', 1, 2, step, [3]]),
      ...[4, 5, 6].map((index) => ['frame', 1, index]),
      ['clip', 1, 2],
      ['end'],
    ]);
    const frames = events.flatMap((event) => (event.kind === 'frame' ? [event.frame] : []));
    expect(frames).toEqual(endOf(events).frames);
  });

  it('has the states written once for one instruction, and for each clip that has its own', async () => {
    const statePrompter = numberingPrompter();
    const planner = await load({ statePrompter });
    const one = endOf(await video(planner, { ...request, numClips: 3 }));
    expect(statePrompter.seen).toEqual([PUT]);
    expect(one.reports.map(({ states, statesWrittenBy }) => [states[3], statesWrittenBy])).toEqual(
      Array(3).fill(['1', 'numbers/1']),
    );
    const own = endOf(await video(planner, { ...request, instruction: [PUT, PUSH, PUSH] }));
    expect(own.reports.map(({ instruction, states }) => [instruction, states[3]])).toEqual([
      [PUT, '2'],
      [PUSH, '3'],
      [PUSH, '4'],
    ]);
  });

  it('says of every clip all that is known of the states', async () => {
    const prompt = { version: 'numbers/1', text: 'count', model: 'abacus' };
    const statePrompter: StatePrompter = {
      name: 'numbers/1',
      states: async () => ({
        states: ['the cube', 'the cube', 'the cube', 'the cube'],
        writtenBy: 'template/1',
        prompt,
        fallbackReason: 'the abacus is broken',
      }),
    };
    const planner = await load({ statePrompter });
    const told = {
      statesPrompt: prompt,
      statesFallbackReason: 'the abacus is broken',
      warnings: ["the states are the template's: the abacus is broken"],
    };
    expect(endOf(await video(planner, { ...request, numClips: 3 })).reports).toMatchObject(
      Array(3).fill(told),
    );
    const states = await planner.writeStates(await planner.observe(request.frames), PUT);
    expect(endOf(await video(planner, { ...request, states, numClips: 2 })).reports).toMatchObject(
      Array(2).fill(told),
    );
  });

  it('takes the states of the caller, for the video or for each clip', async () => {
    const planner = await load();
    const of = (word: string): StateTexts => [word, word, word, word];
    const written = async (states: StateTexts | StateTexts[]) => {
      const { reports } = endOf(await video(planner, { ...request, states, numClips: 2 }));
      return reports.map((report) => [report.states[0], report.statesWrittenBy]);
    };
    expect(await written(of('all'))).toEqual(Array(2).fill(['all', 'caller']));
    expect(await written([of('one'), of('two')])).toEqual([
      ['one', 'caller'],
      ['two', 'caller'],
    ]);
  });

  it('observes given frames once, when they are an observation', async () => {
    const engine = countingEngine();
    const planner = await load({ engine });
    const frames = await planner.observe(request.frames);
    const shared = endOf(await video(planner, { ...request, frames, numClips: 2 }));
    // The observation's own, and one for the second clip.
    expect(engine.runs['vision tower']).toBe(2);
    expect(shared.frames).toEqual(endOf(await video(planner, { ...request, numClips: 2 })).frames);
  });

  it('stops within one denoising step when it is aborted, and frees what it held', async () => {
    const engine = countingEngine();
    const planner = await load({ engine });
    const controller = new AbortController();
    const steps: number[] = [];
    const run = async (): Promise<void> => {
      const asked = { ...request, numClips: 3, numInferenceSteps: 3, abortSignal: controller.signal };
      for await (const event of planner.rollout(asked)) {
        if (event.kind !== 'step') continue;
        steps.push(event.clip * 3 + event.step);
        if (steps.length === 4) controller.abort();
      }
    };
    await expect(run()).rejects.toMatchObject({ code: 'aborted' });
    expect(steps).toEqual([1, 2, 3, 4]);
    expect(engine.runs.denoiser).toBe(4);
    expect(engine.residents).toBe(0);
  });

  it('stops when the iteration is left', async () => {
    const engine = countingEngine();
    const planner = await load({ engine });
    for await (const event of planner.rollout({ ...request, numClips: 3 }))
      if (event.kind === 'step' && event.clip === 1) break;
    expect(engine.runs.denoiser).toBe(3);
    expect(engine.residents).toBe(0);
    expect(await clip(planner, request)).toHaveLength(4);
  });

  it('checks what is asked of every clip before it imagines the first', async () => {
    const engine = countingEngine();
    const planner = await load({ engine });
    const states: StateTexts = ['a', 'b', 'c', 'd'];
    const refused: readonly (readonly [Partial<RolloutRequest>, string])[] = [
      [{ instruction: [] }, 'numClips: expected a whole number from 1 to 10000, got 0'],
      [{ instruction: [PUT, ' '] }, 'clip 1: instruction: '],
      [
        { instruction: [PUT, PUSH], numClips: 3 },
        'instruction: expected one, or one for each of 3 clips, got 2',
      ],
      [{ states: [states], numClips: 2 }, 'states: expected those of one clip, or of each of 2, got 1'],
      [{ numClips: 1.5 }, 'numClips: expected a whole number from 1 to 10000, got 1.5'],
      [{ numClips: 2, overlapFrames: 4 }, 'overlapFrames: expected a whole number from 1 to 3, got 4'],
      [{ numClips: 2, overlapFrames: 0 }, 'overlapFrames: expected a whole number from 1 to 3, got 0'],
      [{ numClips: 2, seed: Number.MAX_SAFE_INTEGER }, 'seed: '],
      [{ preset: 'slow' }, 'preset: '],
    ];
    for (const [change, message] of refused) {
      await expect(video(planner, { ...request, ...change }), message).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining(message),
      });
    }
    expect(engine.runs).toEqual({});
  });
});
