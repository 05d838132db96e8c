/** One clip, from the request to its last event. */
import { anySignal } from '../abort-signal.js';
import type { Frame } from '../conditioning/frame.js';
import { pixelsToFrame } from '../conditioning/image-tensors.js';
import type { StatePrompt, StatePrompter } from '../conditioning/state-prompter.js';
import { TemplateStatePrompter } from '../conditioning/template-state-prompter.js';
import type { Denoise } from '../diffusion/denoise.js';
import { branchesFor } from '../diffusion/guidance.js';
import { initialLatents, karrasSigmas } from '../diffusion/schedule.js';
import { AidError, kindOf, throwIfAborted } from '../errors.js';
import { Random } from '../random.js';
import type { EngineDescription } from '../runtime/engine.js';
import { inTurns, takingTurns } from '../turns.js';
import { ClipDeadline, type WantedPreview } from './clip-deadline.js';
import type { ClipTimes } from './clip-times.js';
import { Stopwatch, Timer } from './clock.js';
import { denoising } from './denoising.js';
import type { ClipReport, ImagineEvent } from './events.js';
import { type ClipGeometry, latentDims } from './graphs.js';
import { checkGivenCount } from './image-latents.js';
import { Observation } from './observation.js';
import { observe } from './observe.js';
import { type ImagineRequest, isPending, type ResolvedRequest, resolveRequest } from './request.js';
import { shrinkLatents } from './shrink-latents.js';
import { release, type Stages, stillOf } from './stages.js';
import { stateWarnings } from './text-warnings.js';
import { unlessAborted } from './unless-aborted.js';
import { askPrompter, checkedStates } from './written-states.js';

/** What a clip needs of the planner. */
export interface ClipPlanner {
  readonly stages: Stages;
  readonly statePrompter: StatePrompter;
  /** SHA-256 of all weights. */
  readonly sha256: string;
  readonly engine: EngineDescription;
  /** What clips of so many frames took so far. */
  timesOf(numFrames: number): ClipTimes;
}

export interface ImagineClipOptions {
  /** A clip that nobody looks at. */
  readonly isRehearsal?: boolean;
}

/**
 * Events: a step for each denoising step, then the frames, then the end. What ends the iteration ends the work
 * within one step.
 */
export async function* imagineClip(
  planner: ClipPlanner,
  request: ImagineRequest,
  { isRehearsal = false }: ImagineClipOptions = {},
): AsyncGenerator<ImagineEvent, void, undefined> {
  const { networks } = planner.stages;
  const asked = resolveRequest(request, networks);
  const { abortSignal } = request;
  const clock = new Stopwatch();
  const deadline = new ClipDeadline(asked, planner.timesOf(asked.numFrames), clock);
  throwIfAborted(abortSignal);
  const stages = planner.stages.until(anySignal(abortSignal, deadline.over));
  const geometry = stages.geometry(asked.numFrames);
  const observation = await observationFor(stages, request, asked, deadline);
  clock.lap('observeMs');
  throwIfAborted(abortSignal);
  const prompt = await statesFor(planner.statePrompter, request, asked, observation, deadline);
  // So that what is measured from here on is work, not loading.
  await deadline.timer.race(stages.load(asked, geometry));
  throwIfAborted(abortSignal);
  deadline.timer.check();
  const resolved = deadline.plan();
  const branches = branchesFor(resolved.sampling);
  const keysAndValues = await deadline.condition(
    stages.condition(observation, resolved.instruction, prompt, branches, geometry),
    release,
  );
  clock.lap('conditionMs');
  try {
    const dims = latentDims(networks, geometry);
    const size = dims[0] * dims[1] * dims[2];
    const network = stages.denoiser(branches, observation.latents, keysAndValues, geometry);
    const denoise: Denoise = async (x, sigma) => {
      // A run that nobody waits for would hold up the next clip.
      deadline.timer.check();
      return deadline.evaluation(network(x, sigma));
    };
    const levels = sigmasOf(resolved);
    const noise = await inTurns(new Random(resolved.seed).normalsInSteps(resolved.numFrames * size));
    const start = initialLatents(noise, levels, stages.dataMean(observation.latents, geometry));
    let latents = start;
    const sigmas: number[] = [];
    const options = abortSignal === undefined ? {} : { abortSignal };
    const stepsToGo = (planned: number, isShown: boolean) => deadline.stepsToGo(planned, isShown);
    deadline.start();
    for await (const each of denoising(denoise, start, levels, resolved.sampling, stepsToGo, options)) {
      const { step, steps, sigma, denoised } = each;
      latents = denoised;
      sigmas.push(sigma);
      deadline.stepDone(step);
      const wanted = deadline.previewOf(step, steps);
      const preview = await previewOf(stages, denoised, wanted, geometry, deadline);
      deadline.previewDone(preview);
      yield { kind: 'step', step, steps, sigma, preview, ...deadline.remaining(step, steps) };
      deadline.stepTaken();
    }
    clock.lap('denoiseMs');
    throwIfAborted(abortSignal);
    deadline.timer.check();
    const pixels = await deadline.decoding(stages.decode(latents, geometry));
    const frames: Frame[] = [];
    try {
      for await (const frame of framesOf(pixels, geometry)) {
        throwIfAborted(abortSignal);
        deadline.timer.check();
        const index = frames.push(frame) - 1;
        const given = performance.now();
        yield { kind: 'frame', index, frame };
        deadline.frameTaken(index, frame, performance.now() - given);
      }
      deadline.timer.check();
    } catch (error) {
      if (deadline.over.aborted) deadline.finished(isRehearsal);
      throw error;
    }
    deadline.finished(isRehearsal);
    clock.lap('decodeMs');
    const report = reportOf(planner, resolved, sigmas, prompt, observation, clock);
    yield { kind: 'end', frames, report: { ...report, ...deadline.report() } };
  } finally {
    const released = release(keysAndValues);
    // The engine may be busy with what came too late.
    if (deadline.over.aborted) released.catch(() => undefined);
    else await released;
  }
}

/** Pixels [F, 3, H, W] as frames, between which everything else gets its turn. */
async function* framesOf(
  pixels: Float32Array,
  { numFrames, width, height }: ClipGeometry,
): AsyncGenerator<Frame, void, undefined> {
  const rest = takingTurns();
  const size = pixels.length / numFrames;
  for (let index = 0; index < numFrames; index++) {
    await rest();
    yield pixelsToFrame(pixels.subarray(index * size, (index + 1) * size), width, height);
  }
}

async function observationFor(
  stages: Stages,
  { frames, abortSignal }: ImagineRequest,
  { numFrames }: ResolvedRequest,
  deadline: ClipDeadline,
): Promise<Observation> {
  if (Observation.isInstance(frames)) return frames;
  // The engine is at work on it, for whoever began it.
  if (isPending(frames)) {
    const observed: unknown = await deadline.timer.race(unlessAborted(frames, abortSignal));
    if (!Observation.isInstance(observed))
      throw new AidError('invalid-argument', `frames: expected an observation, got ${kindOf(observed)}`);
    checkGivenCount(observed.frames, numFrames);
    return observed;
  }
  return deadline.timer.race(observe(stages, frames));
}

/** The caller's, or the prompter's; the template's where the prompter has no time left. */
async function statesFor(
  prompter: StatePrompter,
  request: ImagineRequest,
  { instruction, deadlineMs }: ResolvedRequest,
  { frames }: Observation,
  deadline: ClipDeadline,
): Promise<StatePrompt> {
  const [frame] = frames;
  const { abortSignal, states } = request;
  if (states !== undefined && !isPending(states)) return checkedStates(states);
  if (frame === undefined) throw new AidError('invalid-argument', 'frames: expected at least one');
  const asked = { frame, instruction };
  const written = (signal: AbortSignal | undefined): Promise<StatePrompt> =>
    unlessAborted(
      states?.then(checkedStates) ?? askPrompter(prompter, { ...asked, abortSignal: signal }),
      abortSignal,
    );
  if (deadlineMs === undefined) return written(abortSignal);
  const controller = new AbortController();
  const timer = new Timer(() => new AidError('deadline-exceeded', 'state prompter: no time left'));
  // What takes no time, as the template and what is there already, is taken however little time there is.
  timer.endIn(Math.max(1, deadline.promptMs));
  try {
    return await timer.race(written(anySignal(abortSignal, controller.signal)));
  } catch (error) {
    if (!AidError.isInstance(error) || error.code !== 'deadline-exceeded') throw error;
    controller.abort(error);
    const template = new TemplateStatePrompter();
    deadline.giveUp({ what: 'statePrompter', asked: prompter.name, given: template.name });
    return template.states(asked);
  }
}

/** Single frames, decoded as if each were a clip of its own. */
async function previewOf(
  stages: Stages,
  denoised: Float32Array,
  { frames, downscale }: WantedPreview,
  geometry: ClipGeometry,
  deadline: ClipDeadline,
): Promise<ReadonlyMap<number, Frame>> {
  const preview = new Map<number, Frame>();
  const size = denoised.length / geometry.numFrames;
  const still = stillOf(geometry, downscale);
  const dims = latentDims(stages.networks, geometry);
  for (const index of frames) {
    const latents = shrinkLatents(denoised.subarray(index * size, (index + 1) * size), dims, downscale);
    deadline.timer.check();
    const pixels = await deadline.previewFrame(downscale, stages.decode(latents, still));
    preview.set(index, pixelsToFrame(pixels, still.width, still.height));
  }
  return preview;
}

function reportOf(
  { stages, sha256, engine }: ClipPlanner,
  { instruction, seed, numFrames, sampling, warnings }: ResolvedRequest,
  sigmas: readonly number[],
  { states, writtenBy, prompt, fallbackReason }: StatePrompt,
  { frames }: Observation,
  clock: Stopwatch,
): ClipReport {
  const { width, height, frames_per_second: framesPerSecond } = stages.networks.aid.video;
  return {
    model: { path: stages.networks.path, sha256 },
    engine,
    instruction,
    states,
    statesWrittenBy: writtenBy,
    ...(prompt === undefined ? {} : { statesPrompt: prompt }),
    ...(fallbackReason === undefined ? {} : { statesFallbackReason: fallbackReason }),
    seed,
    numFrames,
    numGivenFrames: frames.length,
    width,
    height,
    framesPerSecond,
    sampling: { ...sampling, numInferenceSteps: sigmas.length },
    sigmas,
    warnings: [
      ...warnings,
      ...stateWarnings(states, instruction, stages.networks),
      ...(fallbackReason === undefined ? [] : [`the states are the template's: ${fallbackReason}`]),
    ],
    timings: clock.timings,
  };
}

/** The noise levels of a clip, and 0. */
function sigmasOf({ sigmas, sampling }: ResolvedRequest): number[] {
  return sigmas?.length === sampling.numInferenceSteps ? [...sigmas, 0] : karrasSigmas(sampling);
}
