import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { StatePrompter } from '#planner/conditioning/state-prompter.js';
import { AidError } from '#planner/errors.js';
import { DeadlineExceededError, planClip } from '#planner/imagination/deadline.js';
import type { EndEvent, ImagineEvent, StepEvent } from '#planner/imagination/events.js';
import type { ImagineRequest, Sampling } from '#planner/imagination/request.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { type ClockworkEngine, clockworkEngine, type RunTime } from '../support/clockwork-engine.js';
import { tinyModel } from '../support/tiny-model.js';
import { picture } from './conditioning/pictures.js';

const STEP = 100;
/** A step costs 100 ms for each branch, a decoded frame 20, everything else 10. */
const runTime: RunTime = (graph, rows) =>
  graph === 'denoiser' ? STEP * rows : graph === 'decoder' ? 20 * rows : 10;
/** Observing, conditioning and decoding a clip of 4 frames. */
const FIXED = 20 + 10 + 80;

const request = {
  frames: [picture(32, 32)],
  instruction: 'put the red cube on the blue plate',
  seed: 7,
  numInferenceSteps: 10,
  frameGuidance: 1,
  textGuidance: 1,
} satisfies ImagineRequest;

interface Outcome {
  readonly events: readonly ImagineEvent[];
  readonly steps: readonly StepEvent[];
  readonly end: EndEvent | undefined;
  readonly error: DeadlineExceededError | undefined;
  readonly elapsedMs: number;
  /** The longest of its steps, and what the caller did with the last event before the end or the error. */
  readonly stepMs: number;
  readonly lastTakenMs: number;
}

/** What is promised: the end, or the error, a step after the deadline at the latest, beside the caller's own time. */
function expectInTime({ elapsedMs, stepMs, lastTakenMs }: Outcome, deadlineMs: number): void {
  expect(elapsedMs).toBeLessThanOrEqual(deadlineMs + stepMs + lastTakenMs);
}

/** `take` is what the caller does with an event before it asks for the next one. */
async function outcome(
  planner: VideoPlanner,
  changes: Omit<Partial<ImagineRequest>, 'numInferenceSteps'> & {
    readonly numInferenceSteps?: number | undefined;
  },
  take: (event: ImagineEvent) => unknown = () => undefined,
): Promise<Outcome> {
  const asked = { ...request, ...changes } as ImagineRequest;
  const events: ImagineEvent[] = [];
  const started = performance.now();
  let error: DeadlineExceededError | undefined;
  let [stepMs, lastTakenMs, lastStepMs] = [0, 0, Number.NaN];
  try {
    for await (const event of planner.imagine(asked)) {
      events.push(event);
      const given = performance.now();
      if (event.kind === 'step') {
        if (!Number.isNaN(lastStepMs)) stepMs = Math.max(stepMs, given - lastStepMs);
        lastStepMs = given;
      }
      if (event.kind === 'end') continue;
      take(event);
      lastTakenMs = performance.now() - given;
    }
  } catch (thrown) {
    if (!(thrown instanceof DeadlineExceededError)) throw thrown;
    error = thrown;
  }
  return {
    events,
    steps: events.filter((event) => event.kind === 'step'),
    end: events.find((event) => event.kind === 'end'),
    error,
    elapsedMs: performance.now() - started,
    stepMs,
    lastTakenMs,
  };
}

async function load(
  times: RunTime = runTime,
  statePrompter?: StatePrompter,
): Promise<{ planner: VideoPlanner; engine: ClockworkEngine }> {
  const folder = await tinyModel();
  const engine = clockworkEngine(times);
  const options = statePrompter === undefined ? { engine } : { engine, statePrompter };
  const planner = await VideoPlanner.load(folder, options);
  onTestFinished(() => planner.dispose());
  return { planner, engine };
}

describe('a planner that has measured itself', () => {
  it('gives all that was asked for where there is time, the same clip as without a deadline', async () => {
    const { planner } = await load();
    await planner.warmUp();
    const free = await outcome(planner, {});
    const { end, elapsedMs } = await outcome(planner, { deadlineMs: 10 * STEP + FIXED });
    expect(end?.report).toMatchObject({ deadline: { gaveUp: [] }, sigmas: { length: 10 } });
    expect(end?.frames).toEqual(free.end?.frames);
    expect(elapsedMs).toBe(10 * STEP + FIXED);
    expect(free.end?.report.deadline).toBeUndefined();
  });

  it('takes the steps that there is time for, and says so', async () => {
    const { planner } = await load();
    await planner.warmUp();
    const { end, elapsedMs } = await outcome(planner, { deadlineMs: 6 * STEP + FIXED + 50 });
    expect(end?.report.sampling.numInferenceSteps).toBe(6);
    expect(end?.report.deadline?.gaveUp).toEqual([{ what: 'numInferenceSteps', asked: 10, given: 6 }]);
    expect(elapsedMs).toBe(6 * STEP + FIXED);
    // What was planned from the start is the clip that such a request gives.
    const same = await outcome(planner, { numInferenceSteps: 6 });
    expect(end?.frames).toEqual(same.end?.frames);
  });

  it('gives up branches of guidance before the last four steps', async () => {
    const { planner } = await load();
    const guidance = { frameGuidance: 2, textGuidance: 3 };
    await planner.warmUp(guidance);
    const { end, elapsedMs } = await outcome(planner, { ...guidance, deadlineMs: 4 * 2 * STEP + FIXED });
    expect(end?.report.sampling).toMatchObject({ numInferenceSteps: 4, frameGuidance: 1, textGuidance: 3 });
    expect(end?.report.deadline?.gaveUp.map(({ what }) => what)).toEqual([
      'numInferenceSteps',
      'frameGuidance',
    ]);
    expect(elapsedMs).toBe(4 * 2 * STEP + FIXED);
    const less = await outcome(planner, { ...guidance, deadlineMs: 2 * STEP + FIXED });
    expect(less.end?.report.sampling).toMatchObject({
      numInferenceSteps: 2,
      frameGuidance: 1,
      textGuidance: 1,
    });
  });

  it('makes previews smaller before it gives up steps', async () => {
    const { planner, engine } = await load();
    const still = (dims: readonly number[]): number => 64 * ((dims[2] ?? 0) / 8) ** 2;
    engine.runTime = (graph, rows, dims) =>
      graph === 'decoder' && rows === 1 ? still(dims) : runTime(graph, rows, dims);
    const previewFrames = [3];
    await planner.warmUp({ previewFrames });
    const deadlineMs = 10 * (STEP + 4) + FIXED;
    const { end, steps, elapsedMs } = await outcome(planner, { previewFrames, deadlineMs });
    expect(elapsedMs).toBe(deadlineMs);
    expect(end?.report.sampling.numInferenceSteps).toBe(10);
    expect(end?.report.deadline?.gaveUp).toEqual([{ what: 'previewDownscale', asked: 1, given: 4 }]);
    expect(steps[0]?.preview.get(3)).toMatchObject({ width: 8, height: 8 });
  });
});

describe('a planner that is slower than it was', () => {
  it('plans the remaining steps anew', async () => {
    const { planner, engine } = await load();
    await planner.warmUp();
    engine.runTime = (graph, rows, dims) => (graph === 'denoiser' ? 3 * STEP : runTime(graph, rows, dims));
    const slowed = await outcome(planner, { deadlineMs: 10 * STEP + FIXED });
    const { end, steps } = slowed;
    expectInTime(slowed, 10 * STEP + FIXED);
    expect(steps.length).toBeGreaterThan(1);
    expect(steps.length).toBeLessThan(5);
    expect(steps.at(-1)).toMatchObject({ step: steps.length, steps: steps.length });
    expect(end?.report.sigmas).toEqual(steps.map(({ sigma }) => sigma));
    expect(end?.report.deadline?.gaveUp).toEqual([
      { what: 'numInferenceSteps', asked: 10, given: steps.length },
    ]);
  });

  it.each<[string, string, number, number]>([
    ['looking at the frame', 'frame encoder', 1, 1],
    ['seeing it', 'vision tower', 1, 1],
    ['conditioning', 'condition', 1, 1],
    ['the first denoising step', 'denoiser', 1, 1],
    ['a later one', 'denoiser', 1, 4],
    ['a preview', 'decoder', 1, 2],
    ['decoding the clip', 'decoder', 4, 1],
  ])('ends one step after the deadline when %s hangs', async (_, graph, rows, nth) => {
    const { planner, engine } = await load();
    const previewFrames = [3];
    await planner.warmUp({ previewFrames, frameGuidance: 1, textGuidance: 1 });
    let seen = 0;
    engine.runTime = (name, count, dims) =>
      name === graph && count === rows && ++seen === nth ? 4000 : runTime(name, count, dims);
    const deadlineMs = 10 * (STEP + 20) + FIXED;
    const { error, steps, elapsedMs } = await outcome(planner, { previewFrames, deadlineMs });
    expect(error).toMatchObject({
      code: 'deadline-exceeded',
      step: graph === 'denoiser' ? nth - 1 : expect.any(Number),
    });
    expect(elapsedMs).toBe(deadlineMs + STEP + 20);
    expect(error?.preview).toEqual(steps.at(-1)?.preview ?? new Map());
  });

  it('ends a step after the deadline at the latest, with the best preview so far', async () => {
    const { planner, engine } = await load();
    const previewFrames = [3];
    await planner.warmUp({ previewFrames });
    let denoised = 0;
    engine.runTime = (graph, rows, dims) =>
      graph === 'denoiser' && ++denoised === 3 ? 6000 : runTime(graph, rows, dims);
    const deadlineMs = 10 * (STEP + 20) + FIXED;
    const late = await outcome(planner, { previewFrames, deadlineMs });
    const { error, steps, end } = late;
    expect(end).toBeUndefined();
    expectInTime(late, deadlineMs);
    expect(error).toMatchObject({ code: 'deadline-exceeded', step: 2 });
    expect(error?.preview).toEqual(steps.at(-1)?.preview);
    expect(error?.message).toContain(
      `not done in ${deadlineMs} ms: 2 denoising steps, a preview of 1 frames`,
    );
    // The engine is free again for the next clip.
    engine.runTime = runTime;
    expect((await outcome(planner, {})).end?.frames).toHaveLength(4);
  });
});

describe('a caller that takes its time', () => {
  /** Milliseconds for each event. */
  const taking = (ms: number) => () => vi.advanceTimersByTime(ms);
  const deadlineMs = 10 * STEP + FIXED;

  it.each([50, 150])('%s ms: has its clip in time all the same', async (ms) => {
    const { planner } = await load();
    await planner.warmUp();
    for (let clip = 0; clip < 3; clip++) {
      const { end, steps, elapsedMs } = await outcome(planner, { deadlineMs }, taking(ms));
      expect(elapsedMs).toBeLessThanOrEqual(deadlineMs);
      expect(end?.report.sampling.numInferenceSteps).toBe(steps.length);
      // 30 ms before the steps, 80 for decoding, and 4 frames.
      expect(steps.length).toBeGreaterThanOrEqual(Math.floor((deadlineMs - 110 - 4 * ms) / (STEP + ms)) - 1);
    }
  });

  it('that takes frames more slowly than steps: an error with those it has, and known from its second clip on', async () => {
    const { planner } = await load();
    await planner.warmUp();
    const slow = ({ kind }: ImagineEvent) => vi.advanceTimersByTime(kind === 'frame' ? 100 : 10);
    const first = await outcome(planner, { deadlineMs }, slow);
    const given = first.events.flatMap((event) =>
      event.kind === 'frame' ? [[event.index, event.frame] as const] : [],
    );
    expect(first.error).toMatchObject({ code: 'deadline-exceeded', preview: new Map(given) });
    expect(given.length).toBeGreaterThan(0);
    expectInTime(first, deadlineMs);
    for (let clip = 0; clip < 3; clip++) {
      const { end, elapsedMs } = await outcome(planner, { deadlineMs }, slow);
      expect(elapsedMs).toBeLessThanOrEqual(deadlineMs);
      expect(end?.report.sampling.numInferenceSteps).toBeGreaterThanOrEqual(4);
    }
  });

  it('and steps that cost next to nothing: the end of the clip is in time too', async () => {
    const { planner, engine } = await load();
    let clip = 0;
    // Steps of 1 ms, and a decoder that is not always as fast.
    engine.runTime = (graph, rows) => (graph === 'denoiser' ? 1 : rows > 1 ? 60 + 10 * (clip % 3) : 2);
    const asked = { numInferenceSteps: 1000, previewFrames: [3], deadlineMs: 400 };
    await planner.warmUp({ previewFrames: [3] });
    for (clip = 0; clip < 6; clip++) {
      const each = await outcome(planner, asked, taking(3));
      expectInTime(each, 400);
      expect(each.steps.length).toBeGreaterThan(30);
      if (clip > 3) expect(each.end).toBeDefined();
      if (clip > 3) expect(each.elapsedMs).toBeLessThanOrEqual(400);
    }
  });
});

it('one slow step among many does not cost the others', async () => {
  const { planner, engine } = await load();
  await planner.warmUp({ frameGuidance: 1, textGuidance: 1 });
  let runs = 0;
  engine.runTime = (graph, rows, dims) =>
    graph === 'denoiser' ? (++runs === 2 ? 5 * STEP : STEP) : runTime(graph, rows, dims);
  const deadlineMs = 30 * STEP + FIXED;
  const { steps, elapsedMs } = await outcome(planner, { numInferenceSteps: 30, deadlineMs });
  expect(elapsedMs).toBeLessThanOrEqual(deadlineMs);
  expect(steps.length).toBeGreaterThanOrEqual(20);
});

it.each(['euler', 'heun', 'dpm++2m'] as const)(
  'the levels in the report give the same clip again: %s',
  async (sampler) => {
    const { planner, engine } = await load();
    await planner.warmUp({ sampler });
    engine.runTime = (graph, rows, dims) => (graph === 'denoiser' ? 2 * STEP : runTime(graph, rows, dims));
    const { end } = await outcome(planner, { sampler, numInferenceSteps: 20, deadlineMs: 20 * STEP + FIXED });
    const { sigmas = [], sampling } = end?.report ?? {};
    expect(sigmas.length).toBeGreaterThan(2);
    expect(sigmas.length).toBeLessThan(20);
    expect(sampling?.numInferenceSteps).toBe(sigmas.length);
    const again = await outcome(planner, { sampler, sigmas, numInferenceSteps: undefined });
    expect(again.end?.frames).toEqual(end?.frames);
    expect(again.end?.report.sigmas).toEqual(sigmas);
    // The number of steps alone does not say it.
    const other = await outcome(planner, { sampler, numInferenceSteps: sigmas.length });
    expect(other.end?.report.sigmas).not.toEqual(sigmas);
  },
);

it.each([
  [[], /numInferenceSteps: expected a whole number from 1 to 1000, got 0/],
  [[5, 5], /sigmas: expected positive numbers that fall, got 5 at place 1/],
  [[5, Number.NaN], /got NaN at place 1/],
  [[5, 0], /got 0 at place 1/],
  [[Number.POSITIVE_INFINITY], /got Infinity at place 0/],
])('refuses the levels %j', async (sigmas, message) => {
  const { planner } = await load();
  await expect(outcome(planner, { sigmas, numInferenceSteps: undefined })).rejects.toThrow(message);
  await expect(outcome(planner, { sigmas: [3, 2], numInferenceSteps: 3 })).rejects.toThrow(
    'sigmas: expected one for each of 3 steps, got 2',
  );
});

it('where not even one step fits, ends with a preview of what there was time for', async () => {
  const { planner } = await load((graph, rows, dims) =>
    graph === 'decoder' && rows > 1 ? 5000 : runTime(graph, rows, dims),
  );
  await planner.warmUp();
  const { error, end } = await outcome(planner, { deadlineMs: 400 });
  expect(end).toBeUndefined();
  expect(error?.preview.get(3)).toMatchObject({ width: 8, height: 8 });
  expect(error?.step).toBe(1);
});

it('a planner that was never measured learns from its first step', async () => {
  const { planner } = await load();
  const { end, elapsedMs } = await outcome(planner, { deadlineMs: 5 * STEP + FIXED });
  expect(elapsedMs).toBeLessThanOrEqual(6 * STEP + FIXED);
  expect(end?.report.deadline?.gaveUp).toEqual([{ what: 'numInferenceSteps', asked: 10, given: 5 }]);
});

it('says how much is left to do once it is measured', async () => {
  const { planner } = await load();
  const first = await outcome(planner, {});
  expect(first.steps[0]?.remainingMs).toBeUndefined();
  const { steps } = await outcome(planner, {});
  expect(steps[0]?.remainingMs).toBe(9 * STEP + 80);
});

it('does without a state prompter that takes too long', async () => {
  let isAborted = false;
  const slow: StatePrompter = {
    name: 'slow/1',
    states: ({ abortSignal }) => {
      abortSignal?.addEventListener('abort', () => {
        isAborted = true;
      });
      setImmediate(() => vi.advanceTimersByTimeAsync(390));
      return new Promise(() => undefined);
    },
  };
  const { planner } = await load(runTime, slow);
  await planner.warmUp();
  // Observing takes 20 ms; half of the others are there for waiting.
  const { end } = await outcome(planner, { deadlineMs: 800 });
  expect(isAborted).toBe(true);
  expect(end?.report.sampling.numInferenceSteps).toBe(3);
  expect(end?.report.statesWrittenBy).toBe('template/1');
  expect(end?.report.deadline?.gaveUp[0]).toEqual({
    what: 'statePrompter',
    asked: 'slow/1',
    given: 'template/1',
  });
});

it('the template is never given up, however little time there is', async () => {
  const { planner } = await load();
  await planner.warmUp();
  // Not even one step fits.
  const { error } = await outcome(planner, { deadlineMs: 130 });
  expect(error?.gaveUp.map(({ what }) => what)).not.toContain('statePrompter');
  expect(error?.gaveUp.length).toBeGreaterThan(0);
});

it('a state prompter has half of the time at most, and its answer is taken when it comes before', async () => {
  const states = ['the cube lies', 'it is held', 'it moves', 'it is there'] as const;
  const slow: StatePrompter = {
    name: 'slow/1',
    states: async () => {
      await vi.advanceTimersByTimeAsync(380);
      return { states, writtenBy: 'slow/1' };
    },
  };
  const { planner } = await load(runTime, slow);
  await planner.warmUp();
  const asked = await outcome(planner, { deadlineMs: 800 });
  expect(asked.end?.report).toMatchObject({ states, deadline: { gaveUp: [{ what: 'numInferenceSteps' }] } });
  expectInTime(asked, 800);
});

it('an error of a deadline is known, of another copy of the package too', () => {
  const error = new DeadlineExceededError('late', new Map(), 0, []);
  expect(DeadlineExceededError.isInstance(error)).toBe(true);
  expect(AidError.isInstance(error)).toBe(true);
  const other = new AidError('deadline-exceeded', 'state prompter: no time left');
  expect([other, new Error('late'), undefined].map(DeadlineExceededError.isInstance)).toEqual([
    false,
    false,
    false,
  ]);
});

it.each([0, -5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a deadline of %s ms', async (deadlineMs) => {
  const { planner } = await load();
  await expect(outcome(planner, { deadlineMs })).rejects.toMatchObject({ code: 'invalid-argument' });
});

it('refuses previews that the latents cannot be divided into', async () => {
  const folder = await tinyModel({ width: 24, height: 24 });
  const planner = await VideoPlanner.load(folder, { engine: clockworkEngine(runTime) });
  const changes = { previewDownscale: 4 as const, frames: [picture(24, 24)] };
  await expect(outcome(planner, changes)).rejects.toThrow('previewDownscale: expected 1, 2, got 4');
});

describe('planning', () => {
  const sampling: Sampling = {
    sampler: 'euler',
    numInferenceSteps: 10,
    sigmaMin: 0.002,
    sigmaMax: 700,
    rho: 7,
    frameGuidance: 2,
    textGuidance: 3,
  };
  const asked = {
    sampling,
    previewDownscale: 1 as const,
    previewFrames: [3],
    downscales: [1, 2, 4] as const,
  };
  const expected = {
    condition: (branches: number) => 10 * branches,
    evaluation: (branches: number) => 100 * branches,
    preview: (downscale: number) => 40 / downscale,
    stepRest: 5,
    stepSlack: (branches: number) => 30 * branches,
    finish: 80,
  };

  it('never plans more than fits, whatever the time', () => {
    for (let budgetMs = 230; budgetMs < 4000; budgetMs += 37) {
      const { sampling: given, previewFrames, previewDownscale } = planClip(asked, budgetMs, expected);
      const branches = given.frameGuidance === 2 ? 3 : given.textGuidance === 3 ? 2 : 1;
      const previewsMs = previewFrames.length * expected.preview(previewDownscale);
      const step = expected.evaluation(branches) + previewsMs + expected.stepRest;
      const fixed = expected.condition(branches) + expected.stepSlack(branches) + expected.finish;
      const total = fixed + given.numInferenceSteps * step;
      expect(total).toBeLessThanOrEqual(budgetMs);
    }
  });

  it("counts both looks of Heun's method", () => {
    const heun = { ...asked, previewFrames: [], sampling: { ...sampling, sampler: 'heun' as const } };
    const { sampling: given } = planClip(heun, 10 + 30 + 7 * 100 + 4 * 5 + 80, expected);
    expect(given).toMatchObject({ numInferenceSteps: 4, frameGuidance: 1, textGuidance: 1 });
  });
});
