/** The planner: from given frames and an instruction to the imagined clip. */
import { checkAbortSignal } from './abort-signal.js';
import type { Frame } from './conditioning/frame.js';
import { frameToPixels, pixelsToFrame } from './conditioning/image-tensors.js';
import { checkInstruction } from './conditioning/instruction.js';
import type { StatePrompt, StatePrompter } from './conditioning/state-prompter.js';
import { TemplateStatePrompter } from './conditioning/template-state-prompter.js';
import { AidError, kindOf, throwIfAborted } from './errors.js';
import { checkNetworks } from './imagination/check-networks.js';
import type { ClipSettings } from './imagination/clip-estimate.js';
import { ClipTimes } from './imagination/clip-times.js';
import type { ImagineEvent } from './imagination/events.js';
import { checkGivenFrames, type GivenFrame, isFrame } from './imagination/given-frames.js';
import { type ClipPlanner, imagineClip } from './imagination/imagine-clip.js';
import { type Networks, readNetworks } from './imagination/networks.js';
import type { Observation } from './imagination/observation.js';
import { type ObserveOptions, observe } from './imagination/observe.js';
import { type ImagineRequest, resolveSettings } from './imagination/request.js';
import { type RolloutEvent, type RolloutRequest, resolveRollout, rollout } from './imagination/rollout.js';
import { Stages } from './imagination/stages.js';
import { askPrompter } from './imagination/written-states.js';
import { chooseEngine } from './runtime/choose-engine.js';
import type { Engine } from './runtime/engine.js';
import { type ChosenProvider, checkEngineOptions } from './runtime/engine-options.js';
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

export class VideoPlanner {
  readonly #engine: Engine;
  readonly #ownsEngine: boolean;
  readonly #clips: ClipPlanner;
  /** By the frames of a clip. */
  readonly #times = new Map<number, ClipTimes>();
  /** SHA-256 of all weights. */
  readonly sha256: string;

  private constructor(
    networks: Networks,
    engine: Engine,
    sha256: string,
    { statePrompter = new TemplateStatePrompter(), engine: given }: LoadOptions,
  ) {
    this.#engine = engine;
    this.#ownsEngine = given === undefined;
    this.sha256 = sha256;
    this.#clips = {
      stages: new Stages(networks, engine, sha256),
      statePrompter,
      sha256,
      get engine() {
        return engine.description;
      },
      timesOf: (numFrames) => this.#timesOf(numFrames),
    };
  }

  /**
   * Opens a model folder, checks every tensor and starts an engine.
   * Errors: `invalid-argument`, `invalid-model-folder`, `invalid-config`, `invalid-weights`, `engine-unavailable`,
   * `io-failed`, `aborted`.
   */
  static async load(path: string, options: LoadOptions = {}): Promise<VideoPlanner> {
    if (typeof path !== 'string')
      throw new AidError('invalid-argument', `model folder: expected its path, got ${kindOf(path)}`);
    checkEngineOptions(options);
    checkAbortSignal(options.abortSignal);
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
    const { dqformer, video } = this.#clips.stages.networks.aid;
    const { width, height, frames_per_second: framesPerSecond } = video;
    return { numFrames: dqformer.num_frames, width, height, framesPerSecond };
  }

  /**
   * Encodes given frames once, for any number of clips. Errors: `invalid-image`, `invalid-argument`, `engine-failed`,
   * `aborted`.
   */
  observe(frames: readonly GivenFrame[], options: ObserveOptions = {}): Promise<Observation> {
    return observe(this.#clips.stages, frames, options);
  }

  /**
   * Has the state prompter write the states of an instruction once, for any number of clips: they are given as
   * `states`. Errors: `invalid-argument`, `state-prompter-failed`, `aborted`.
   */
  async writeStates(
    { frames: [frame] }: Observation,
    instruction: string,
    { abortSignal }: { readonly abortSignal?: AbortSignal | undefined } = {},
  ): Promise<StatePrompt> {
    const text = checkInstruction(instruction);
    if (frame === undefined) throw new AidError('invalid-argument', 'frames: expected at least one');
    return askPrompter(this.#clips.statePrompter, { frame, instruction: text, abortSignal });
  }

  /** Errors: those `invalid-argument` that `imagine` would end with whatever the frames, found before anything runs. */
  check(request: Omit<ImagineRequest, 'frames'>): void {
    resolveSettings(request, this.#clips.stages.networks);
  }

  /**
   * Imagines the clip. Events: a step for each denoising step, then the frames, then the end. Aborting, or
   * leaving the iteration, stops the work within one denoising step.
   * Errors: `invalid-argument`, `invalid-image`, `aborted`, `engine-failed`, `state-prompter-failed`,
   * `deadline-exceeded` as a `DeadlineExceededError`.
   */
  imagine(request: ImagineRequest): AsyncGenerator<ImagineEvent, void, undefined> {
    return imagineClip(this.#clips, request);
  }

  /**
   * Imagines a long video, clip after clip, each from the last frames of the one before; clip i has the seed
   * `seed + i`. Stops as `imagine` does. Errors: those of `imagine`; what is asked is checked for every clip
   * before the first.
   */
  async *rollout(request: RolloutRequest): AsyncGenerator<RolloutEvent, void, undefined> {
    const resolved = resolveRollout(request, this.#clips.stages.networks);
    yield* rollout((clip) => imagineClip(this.#clips, clip), request, resolved);
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
    for (let run = 0; run < 2; run++)
      for await (const _ of imagineClip(this.#clips, small, { isRehearsal: true }));
  }

  /**
   * A whole clip through the autoencoder and back: the best that any clip of this model can look.
   * Errors: `invalid-argument`, `invalid-image`, `engine-failed`.
   */
  async reconstruct(frames: readonly Frame[]): Promise<Frame[]> {
    checkGivenFrames(frames);
    for (const [index, frame] of frames.entries())
      if (!isFrame(frame))
        throw new AidError('invalid-argument', `frames[${index}]: expected a frame, got ${kindOf(frame)}`);
    const { stages } = this.#clips;
    const { width, height } = this.video;
    const { scaling_factor: factor } = stages.networks.vae;
    const latents: number[] = [];
    for (const frame of frames) {
      const mode = await stages.encode(await frameToPixels(frame, { width, height, fit: 'cover' }));
      for (const value of mode) latents.push(value * factor);
    }
    const pixels = await stages.decode(Float32Array.from(latents), stages.geometry(frames.length));
    const plane = pixels.length / frames.length;
    return frames.map((_, index) =>
      pixelsToFrame(pixels.subarray(index * plane, (index + 1) * plane), width, height),
    );
  }

  /**
   * Frees the memory of the engine that was chosen; one of the caller's keeps its graphs until the caller disposes of it.
   * Clips under way end with an error.
   */
  async dispose(): Promise<void> {
    if (this.#ownsEngine) await this.#engine.dispose();
  }

  #timesOf(numFrames: number): ClipTimes {
    const times = this.#times.get(numFrames) ?? new ClipTimes(numFrames);
    this.#times.set(numFrames, times);
    return times;
  }
}
