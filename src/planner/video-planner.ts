/** The planner: from given frames and an instruction to the imagined clip. */
import { decodeFrame, type Frame } from './conditioning/frame.js';
import { clipPixels, frameToPixels, pixelsToFrame } from './conditioning/image-tensors.js';
import type { StatePrompt, StatePrompter } from './conditioning/state-prompter.js';
import { TemplateStatePrompter } from './conditioning/template-state-prompter.js';
import type { Denoise } from './diffusion/denoise.js';
import { branchesFor, combine, type WeightedBranch } from './diffusion/guidance.js';
import { preconditioned } from './diffusion/preconditioning.js';
import { initialNoiseScale, karrasSigmas } from './diffusion/schedule.js';
import { AidError, throwIfAborted } from './errors.js';
import { checkNetworks } from './imagination/check-networks.js';
import { ClipDeadline, type WantedPreview } from './imagination/clip-deadline.js';
import type { ClipSettings } from './imagination/clip-estimate.js';
import { ClipTimes } from './imagination/clip-times.js';
import { Stopwatch, Timer } from './imagination/clock.js';
import { denoising } from './imagination/denoising.js';
import type { ClipReport, ImagineEvent } from './imagination/events.js';
import {
  type ClipGeometry,
  conditionGraphInSteps,
  decoderGraph,
  denoiserGraphInSteps,
  frameEncoderGraph,
  type GraphBuilder,
  latentDims,
  type SteppedGraphBuilder,
  visionGraph,
} from './imagination/graphs.js';
import { imageLatents } from './imagination/image-latents.js';
import { type Networks, readNetworks } from './imagination/networks.js';
import { Observation } from './imagination/observation.js';
import {
  type ImagineRequest,
  type PreviewDownscale,
  type ResolvedRequest,
  resolveRequest,
} from './imagination/request.js';
import { type RolloutEvent, type RolloutRequest, resolveRollout, rollout } from './imagination/rollout.js';
import { SessionCache } from './imagination/session-cache.js';
import { shrinkLatents } from './imagination/shrink-latents.js';
import { Graph } from './onnx/graph.js';
import { Random } from './random.js';
import { type ChosenProvider, chooseEngine } from './runtime/choose-engine.js';
import type { Engine, GraphSession, ResidentTensor, RunInput, RunResult } from './runtime/engine.js';
import { floatTensor, int64Tensor, sharedFloats, type Tensor } from './runtime/tensor.js';
import { inTurns, takingTurns } from './turns.js';
import { inspectWeights } from './weights/inspect-weights.js';

export interface LoadOptions {
  /** `auto`, the default, takes the fastest that works here. */
  readonly provider?: ChosenProvider;
  /** Threads of the CPU provider; all cores unless said otherwise. */
  readonly threads?: number;
  /** Writes the state texts; the template unless said otherwise. */
  readonly statePrompter?: StatePrompter;
  /** An engine of the caller's, instead of one that is chosen; the caller disposes of it. */
  readonly engine?: Engine;
  /** Stops the loading between two megabytes of weights. */
  readonly abortSignal?: AbortSignal;
}

/** Sessions kept: the five graphs of two geometries, and decoders of three sizes of preview. */
const SESSIONS = 13;

export class VideoPlanner {
  readonly #networks: Networks;
  readonly #engine: Engine;
  readonly #ownsEngine: boolean;
  readonly #statePrompter: StatePrompter;
  readonly #sessions = new SessionCache(SESSIONS);
  /** By the frames of a clip. */
  readonly #times = new Map<number, ClipTimes>();
  /** SHA-256 of all weights. */
  readonly sha256: string;

  private constructor(
    networks: Networks,
    engine: Engine,
    sha256: string,
    { statePrompter, engine: given }: LoadOptions,
  ) {
    this.#networks = networks;
    this.#engine = engine;
    this.#ownsEngine = given === undefined;
    this.#statePrompter = statePrompter ?? new TemplateStatePrompter();
    this.sha256 = sha256;
  }

  /**
   * Opens a model folder, checks every tensor and starts an engine.
   * Errors: `invalid-model-folder`, `invalid-config`, `invalid-weights`, `engine-unavailable`, `aborted`.
   */
  static async load(path: string, options: LoadOptions = {}): Promise<VideoPlanner> {
    const networks = await readNetworks(path);
    checkNetworks(networks);
    const { sha256 } = await inspectWeights(networks.tensors, options);
    const engine = options.engine ?? (await chooseEngine(options));
    const planner = new VideoPlanner(networks, engine, sha256, options);
    if (options.abortSignal?.aborted === true) await planner.dispose();
    throwIfAborted(options.abortSignal);
    return planner;
  }

  get engine() {
    return this.#engine.description;
  }

  /** Frames of a clip, their size in pixels, and their rate. */
  get video(): {
    readonly numFrames: number;
    readonly width: number;
    readonly height: number;
    readonly framesPerSecond: number;
  } {
    const { dqformer, video } = this.#networks.aid;
    const { width, height, frames_per_second: framesPerSecond } = video;
    return { numFrames: dqformer.num_frames, width, height, framesPerSecond };
  }

  /** Encodes given frames once, for any number of clips. Errors: `invalid-image`, `invalid-argument`, `engine-failed`. */
  async observe(frames: readonly (Frame | string | Uint8Array)[]): Promise<Observation> {
    const given = await Promise.all(frames.map((each) => (isFrame(each) ? each : decodeFrame(each))));
    const [first] = given;
    if (first === undefined) throw new AidError('invalid-argument', 'frames: expected at least one');
    const networks = this.#networks;
    const geometry = this.#geometry(networks.aid.dqformer.num_frames);
    const { width, height } = geometry;
    const pixels = await Promise.all(
      given.map((frame) => frameToPixels(frame, { width, height, fit: 'cover' })),
    );
    const seen = await clipPixels(first, { ...networks.preprocessor, resize: 'svd' });
    const side = networks.vision.image_size;
    const [channels, h, w] = latentDims(networks, geometry);
    const latents: Float32Array[] = [];
    for (const image of pixels) {
      const inputs = { pixels: floatTensor([1, 3, height, width], image) };
      latents.push(floats(await this.#run(frameEncoderGraph, geometry, inputs), 'latents', channels * h * w));
    }
    const inputs = { clip_pixels: floatTensor([1, 3, side, side], seen) };
    return new Observation(
      given,
      latents,
      floats(await this.#run(visionGraph, geometry, inputs), 'visual_embeds'),
    );
  }

  /**
   * Imagines the clip. Events: a step for each denoising step, then the frames, then the end. Aborting, or
   * leaving the iteration, stops the work within one denoising step.
   * Errors: `invalid-argument`, `invalid-image`, `aborted`, `engine-failed`, `state-prompter-failed`,
   * `deadline-exceeded` as a `DeadlineExceededError`.
   */
  imagine(request: ImagineRequest): AsyncGenerator<ImagineEvent, void, undefined> {
    return this.#imagine(request);
  }

  /**
   * Imagines a long video, clip after clip, each from the last frames of the one before; clip i has the seed
   * `seed + i`. Stops as `imagine` does. Errors: those of `imagine`; what is asked is checked for every clip
   * before the first.
   */
  async *rollout(request: RolloutRequest): AsyncGenerator<RolloutEvent, void, undefined> {
    const resolved = resolveRollout(request, this.#networks);
    yield* rollout((clip, prompt) => this.#imagine(clip, { prompt }), request, resolved);
  }

  /**
   * Runs a small clip twice, so that graphs are loaded and a first `deadlineMs` finds their times measured; with the
   * settings that later requests will have. Errors: `invalid-argument`, `engine-failed`, `aborted`.
   */
  async warmUp(
    settings: ClipSettings & Pick<ImagineRequest, 'previewFrames' | 'abortSignal'> = {},
  ): Promise<void> {
    const { width, height } = this.video;
    const grey: Frame = { width, height, data: new Uint8Array(width * height * 3).fill(127) };
    const states = ['', '', '', ''] as const;
    const request = { ...settings, frames: [grey], instruction: 'warm up', states, seed: 0 };
    const small = { ...request, numInferenceSteps: 2 };
    for (let run = 0; run < 2; run++) for await (const _ of this.#imagine(small, { isRehearsal: true }));
  }

  async *#imagine(
    request: ImagineRequest,
    {
      prompt: writtenBefore,
      isRehearsal = false,
    }: { readonly prompt?: StatePrompt | undefined; readonly isRehearsal?: boolean } = {},
  ): AsyncGenerator<ImagineEvent, void, undefined> {
    const asked = resolveRequest(request, this.#networks);
    const { abortSignal } = request;
    const clock = new Stopwatch();
    const geometry = this.#geometry(asked.numFrames);
    const deadline = new ClipDeadline(asked, this.#timesOf(geometry), clock);
    const observation = Observation.isInstance(request.frames)
      ? request.frames
      : await deadline.timer.race(this.observe(request.frames));
    clock.lap('observeMs');
    throwIfAborted(abortSignal);
    const prompt = writtenBefore ?? (await this.#states(request, asked, observation, deadline));
    // So that what is measured from here on is work, not loading.
    await deadline.timer.race(this.#loadGraphs(asked, geometry));
    throwIfAborted(abortSignal);
    const resolved = deadline.plan();
    const branches = branchesFor(resolved.sampling);
    const keysAndValues = await deadline.condition(
      this.#condition(observation, resolved.instruction, prompt, branches, geometry),
      release,
    );
    clock.lap('conditionMs');
    try {
      const dims = latentDims(this.#networks, geometry);
      const size = dims[0] * dims[1] * dims[2];
      const given = imageLatents(observation.latents, resolved.numFrames, size, this.#networks.aid.fill);
      const network = this.#denoise(branches, given, keysAndValues, geometry);
      const denoise: Denoise = (x, sigma) => deadline.evaluation(network(x, sigma));
      const levels = sigmasOf(resolved);
      const scale = initialNoiseScale(levels);
      const noise = await inTurns(new Random(resolved.seed).normalsInSteps(resolved.numFrames * size));
      for (let i = 0; i < noise.length; i++) noise[i] = (noise[i] as number) * scale;
      let latents: Float32Array = noise;
      const sigmas: number[] = [];
      const options = abortSignal === undefined ? {} : { abortSignal };
      const stepsToGo = (planned: number, isShown: boolean) => deadline.stepsToGo(planned, isShown);
      deadline.start();
      for await (const each of denoising(denoise, noise, levels, resolved.sampling, stepsToGo, options)) {
        const { step, steps, sigma, denoised } = each;
        latents = denoised;
        sigmas.push(sigma);
        deadline.stepDone(step);
        const wanted = deadline.previewOf(step, steps);
        const preview = await this.#preview(denoised, wanted, asked.numFrames, geometry, deadline);
        deadline.previewDone(preview);
        yield { kind: 'step', step, steps, sigma, preview, ...deadline.remaining(step, steps) };
        deadline.stepTaken();
      }
      clock.lap('denoiseMs');
      throwIfAborted(abortSignal);
      const frames: Frame[] = [];
      const frameRestsMs: number[] = [];
      const pixels = await deadline.decoding(this.#decode(latents, geometry));
      const rest = takingTurns();
      for (let index = 0; index < resolved.numFrames; index++) {
        await rest();
        throwIfAborted(abortSignal);
        const plane = pixels.length / resolved.numFrames;
        const frame = pixelsToFrame(
          pixels.subarray(index * plane, (index + 1) * plane),
          geometry.width,
          geometry.height,
        );
        frames.push(frame);
        const given = performance.now();
        yield { kind: 'frame', index, frame };
        frameRestsMs.push(performance.now() - given);
      }
      deadline.finished(frameRestsMs, isRehearsal);
      clock.lap('decodeMs');
      const report = this.#report(resolved, sigmas, prompt, observation, geometry, clock);
      yield { kind: 'end', frames, report: { ...report, ...deadline.report() } };
    } finally {
      const released = release(keysAndValues);
      // The engine may be busy with what came too late.
      if (deadline.isOver) released.catch(() => undefined);
      else await released;
    }
  }

  /**
   * A whole clip through the autoencoder and back: the best that any clip of this model can look.
   * Errors: `invalid-argument`, `engine-failed`.
   */
  async reconstruct(frames: readonly Frame[]): Promise<Frame[]> {
    if (frames.length === 0) throw new AidError('invalid-argument', 'frames: expected at least one');
    const geometry = this.#geometry(frames.length);
    const { width, height } = geometry;
    const [channels, h, w] = latentDims(this.#networks, geometry);
    const size = channels * h * w;
    const latents = new Float32Array(frames.length * size);
    for (const [index, frame] of frames.entries()) {
      const pixels = await frameToPixels(frame, { width, height, fit: 'cover' });
      const inputs = { pixels: floatTensor([1, 3, height, width], pixels) };
      const mode = floats(await this.#run(frameEncoderGraph, geometry, inputs), 'latents', size);
      latents.set(mode, index * size);
    }
    const { scaling_factor: factor } = this.#networks.vae;
    const pixels = await this.#decode(
      latents.map((value) => value * factor),
      geometry,
    );
    const plane = pixels.length / frames.length;
    return frames.map((_, index) =>
      pixelsToFrame(pixels.subarray(index * plane, (index + 1) * plane), width, height),
    );
  }

  /** Frees the engine's memory. Clips under way end with an error. */
  async dispose(): Promise<void> {
    if (this.#ownsEngine) await this.#engine.dispose();
  }

  #geometry(numFrames: number): ClipGeometry {
    const { width, height } = this.#networks.aid.video;
    return { numFrames, width, height };
  }

  async #run(
    build: AnyGraphBuilder,
    geometry: ClipGeometry,
    inputs: Readonly<Record<string, RunInput>>,
  ): Promise<Readonly<Record<string, Tensor>>> {
    return (await this.#session(build, geometry, inputs)).tensors;
  }

  async #session(
    build: AnyGraphBuilder,
    geometry: ClipGeometry,
    inputs: Readonly<Record<string, RunInput>>,
    keep: 'all' | 'none' = 'none',
  ): Promise<RunResult> {
    return this.#use(build, geometry, (session) =>
      session.run(inputs, keep === 'all' ? { keep: session.outputNames } : {}),
    );
  }

  #use<Result>(
    build: AnyGraphBuilder,
    geometry: ClipGeometry,
    work: (session: GraphSession) => Promise<Result>,
  ): Promise<Result> {
    const { tensors } = this.#networks;
    const load = async () => {
      const built = build(this.#networks, geometry);
      const graph = built instanceof Graph ? built : await inTurns(built);
      return this.#engine.load(graph, { weights: (key) => tensors.get(key), weightsSha256: this.sha256 });
    };
    const { numFrames, width, height } = geometry;
    return this.#sessions.use(`${build.name} ${numFrames}x${width}x${height}`, load, work);
  }

  /** What a clip runs after its frames were observed. */
  async #loadGraphs(
    { previewFrames, previewDownscale }: ResolvedRequest,
    geometry: ClipGeometry,
  ): Promise<void> {
    const load = (build: AnyGraphBuilder, at = geometry) => this.#use(build, at, async () => undefined);
    await load(conditionGraphInSteps);
    await load(denoiserGraphInSteps);
    if (previewFrames.length > 0) await load(decoderGraph, stillOf(geometry, previewDownscale));
    await load(decoderGraph);
  }

  #timesOf({ numFrames }: ClipGeometry): ClipTimes {
    const times = this.#times.get(numFrames) ?? new ClipTimes(numFrames);
    this.#times.set(numFrames, times);
    return times;
  }

  async #states(
    request: ImagineRequest,
    { instruction, deadlineMs }: ResolvedRequest,
    { frames }: Observation,
    deadline: ClipDeadline,
  ): Promise<StatePrompt> {
    const [frame] = frames;
    const { abortSignal } = request;
    if (request.states !== undefined) return { states: request.states, writtenBy: 'caller' };
    if (frame === undefined) throw new AidError('invalid-argument', 'frames: expected at least one');
    const asked = { frame, instruction };
    if (deadlineMs === undefined) return this.#statePrompter.states({ ...asked, abortSignal });
    const controller = new AbortController();
    const signals = abortSignal === undefined ? [] : [abortSignal];
    const timer = new Timer(() => new AidError('deadline-exceeded', 'state prompter: no time left'));
    timer.endIn(deadline.promptMs);
    try {
      const given = { ...asked, abortSignal: AbortSignal.any([...signals, controller.signal]) };
      return await timer.race(this.#statePrompter.states(given));
    } catch (error) {
      if (!AidError.isInstance(error) || error.code !== 'deadline-exceeded') throw error;
      controller.abort(error);
      const template = new TemplateStatePrompter();
      deadline.giveUp({ what: 'statePrompter', asked: this.#statePrompter.name, given: template.name });
      return template.states(asked);
    }
  }

  /** Keys and values of every cross-attention, a row of the batch for each branch. They stay with the engine. */
  async #condition(
    { visualEmbeds }: Observation,
    instruction: string,
    { states }: StatePrompt,
    branches: readonly WeightedBranch[],
    geometry: ClipGeometry,
  ): Promise<Readonly<Record<string, ResidentTensor>>> {
    const { aid, tokenizer, vision } = this.#networks;
    const length = aid.text_length;
    const ids = branches.flatMap(({ branch }) => {
      const texts = [instruction, ...states].map((text) => (branch === 'full' ? text : ''));
      return texts.map((text) => tokenizer.encode(text, { length }).inputIds);
    });
    const textIds = new BigInt64Array(ids.length * length);
    ids.forEach((row, i) => {
      textIds.set(row, i * length);
    });
    const visual = new Float32Array(branches.length * visualEmbeds.length);
    branches.forEach(({ branch }, i) => {
      if (branch !== 'none') visual.set(visualEmbeds, i * visualEmbeds.length);
    });
    const width = vision.hidden_size;
    const inputs = {
      text_ids: int64Tensor([branches.length, 1 + states.length, length], textIds),
      visual_embeds: floatTensor([branches.length, visualEmbeds.length / width, width], visual),
    };
    return (await this.#session(conditionGraphInSteps, geometry, inputs, 'all')).resident;
  }

  /** D(x, sigma) with dual guidance: one run of the UNet for all branches. */
  #denoise(
    branches: readonly WeightedBranch[],
    given: Float32Array,
    keysAndValues: Readonly<Record<string, ResidentTensor>>,
    geometry: ClipGeometry,
  ): Denoise {
    const { video } = this.#networks.aid;
    const [channels, height, width] = latentDims(this.#networks, geometry);
    const { numFrames } = geometry;
    const plane = channels * height * width;
    const batch = branches.length;
    const timeIds = branches.flatMap(() => [
      video.frames_per_second - 1,
      video.motion_bucket_id,
      video.noise_augmentation,
    ]);
    // Seen by the engine's thread as it is: nothing is copied on this one.
    const sample = sharedFloats(new Float32Array(batch * numFrames * 2 * plane));
    return preconditioned(async (scaled, cNoise) => {
      branches.forEach(({ branch }, b) => {
        for (let frame = 0; frame < numFrames; frame++) {
          const from = frame * plane;
          const to = (b * numFrames + frame) * 2 * plane;
          sample.set(scaled.subarray(from, from + plane), to);
          if (branch !== 'none') sample.set(given.subarray(from, from + plane), to + plane);
        }
      });
      const inputs = {
        sample: floatTensor([batch, numFrames, 2 * channels, height, width], sample),
        timestep: floatTensor([batch], new Float32Array(batch).fill(cNoise)),
        added_time_ids: floatTensor([batch, 3], Float32Array.from(timeIds)),
        ...keysAndValues,
      };
      const output = floats(await this.#run(denoiserGraphInSteps, geometry, inputs), 'output');
      const size = output.length / batch;
      return combine(
        branches,
        branches.map((_, b) => output.subarray(b * size, (b + 1) * size)),
      );
    });
  }

  /** Latents [F, C, h, w] to pixels [F, 3, H, W]. */
  async #decode(latents: Float32Array, geometry: ClipGeometry): Promise<Float32Array> {
    const { scaling_factor: factor } = this.#networks.vae;
    const dims = [geometry.numFrames, ...latentDims(this.#networks, geometry)];
    const inputs = {
      latents: floatTensor(
        dims,
        latents.map((value) => value / factor),
      ),
    };
    return floats(await this.#run(decoderGraph, geometry, inputs), 'pixels');
  }

  /** Single frames, decoded as if each were a clip of its own. */
  async #preview(
    denoised: Float32Array,
    { frames, downscale }: WantedPreview,
    numFrames: number,
    geometry: ClipGeometry,
    deadline: ClipDeadline,
  ): Promise<ReadonlyMap<number, Frame>> {
    const preview = new Map<number, Frame>();
    const size = denoised.length / numFrames;
    const still = stillOf(geometry, downscale);
    const dims = latentDims(this.#networks, geometry);
    for (const index of frames) {
      const latents = shrinkLatents(denoised.subarray(index * size, (index + 1) * size), dims, downscale);
      const pixels = await deadline.previewFrame(downscale, this.#decode(latents, still));
      preview.set(index, pixelsToFrame(pixels, still.width, still.height));
    }
    return preview;
  }

  #report(
    { instruction, seed, numFrames, sampling, warnings }: ResolvedRequest,
    sigmas: readonly number[],
    { states, writtenBy, prompt, fallbackReason }: StatePrompt,
    { frames }: Observation,
    { width, height }: ClipGeometry,
    clock: Stopwatch,
  ): ClipReport {
    return {
      model: { path: this.#networks.path, sha256: this.sha256 },
      engine: this.engine,
      instruction,
      states,
      statesWrittenBy: writtenBy,
      ...(prompt === undefined ? {} : { statesPrompt: prompt }),
      seed,
      numFrames,
      numGivenFrames: frames.length,
      width,
      height,
      framesPerSecond: this.video.framesPerSecond,
      sampling: { ...sampling, numInferenceSteps: sigmas.length },
      sigmas,
      warnings:
        fallbackReason === undefined
          ? warnings
          : [...warnings, `the states are the template's: ${fallbackReason}`],
      timings: clock.timings,
    };
  }
}

type AnyGraphBuilder = GraphBuilder | SteppedGraphBuilder;

/** The noise levels of a clip, and 0. */
function sigmasOf({ sigmas, sampling }: ResolvedRequest): number[] {
  return sigmas?.length === sampling.numInferenceSteps ? [...sigmas, 0] : karrasSigmas(sampling);
}

function stillOf({ width, height }: ClipGeometry, downscale: PreviewDownscale): ClipGeometry {
  return { numFrames: 1, width: width / downscale, height: height / downscale };
}

async function release(tensors: Readonly<Record<string, ResidentTensor>>): Promise<void> {
  await Promise.all(Object.values(tensors).map((tensor) => tensor.release()));
}

function isFrame(value: Frame | string | Uint8Array): value is Frame {
  return typeof value === 'object' && 'width' in value;
}

function floats(tensors: Readonly<Record<string, Tensor>>, name: string, size?: number): Float32Array {
  const data = tensors[name]?.data;
  if (!(data instanceof Float32Array) || (size !== undefined && data.length !== size)) {
    throw new AidError(
      'engine-failed',
      `${name}: expected ${size ?? 'some'} floats, got ${data?.length ?? 'none'}`,
    );
  }
  return data;
}
