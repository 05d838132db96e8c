/** One clip and the time that it has; it measures what the clip takes. Without a deadline that is all it does. */
import type { Frame } from '../conditioning/frame.js';
import { branchesFor } from '../diffusion/guidance.js';
import { evaluationsOf } from '../diffusion/samplers.js';
import { type ClipTimes, previewSize, type RecentTimes } from './clip-times.js';
import { type Stopwatch, Timer } from './clock.js';
import {
  type Concession,
  concessionsOf,
  DeadlineExceededError,
  type DeadlineReport,
  fittingSteps,
  type PlannedClip,
  planClip,
} from './deadline.js';
import type { PreviewDownscale, ResolvedRequest } from './request.js';

export interface WantedPreview {
  readonly frames: readonly number[];
  readonly downscale: PreviewDownscale;
}

/** The most of the time that a state prompter may take: what it takes, the denoising steps lack. */
const PROMPT_SHARE = 0.5;

export class ClipDeadline {
  readonly timer: Timer;
  readonly #over = new AbortController();
  readonly #asked: ResolvedRequest;
  readonly #times: ClipTimes;
  readonly #clock: Stopwatch;
  #planned: PlannedClip;
  #concessions: readonly Concession[] = [];
  #preview: ReadonlyMap<number, Frame> = new Map();
  #step = 0;
  /** Where the step, or what comes after the last one, began. */
  #begunMs = 0;
  /** Of that, what was measured by itself. */
  #measuredMs = 0;
  /** What the caller did with each frame. */
  readonly #frameRestsMs: number[] = [];

  constructor(asked: ResolvedRequest, times: ClipTimes, clock: Stopwatch) {
    this.#asked = asked;
    this.#planned = asked;
    this.#times = times;
    this.#clock = clock;
    this.timer = new Timer(() => this.#exceeded());
    this.#limit();
  }

  /** Aborts when the clip comes to nothing. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Milliseconds until the deadline. */
  get leftMs(): number {
    return (this.#asked.deadlineMs ?? Number.POSITIVE_INFINITY) - this.#clock.elapsedMs;
  }

  /** How long state texts may be waited for: half of the time, and so that the shortest clip still fits. */
  get promptMs(): number {
    const { finish = 0, stepRest = 0 } = this.#times;
    const shortest = (this.#times.condition(1) ?? 0) + (this.#times.evaluation(1) ?? 0) + stepRest + finish;
    return Math.max(0, Math.min(this.leftMs * PROMPT_SHARE, this.leftMs - shortest));
  }

  giveUp(concession: Concession): void {
    this.#concessions = [...this.#concessions, concession];
  }

  /** The request as it is to be imagined in the time that is left. */
  plan(): ResolvedRequest {
    if (this.#asked.deadlineMs === undefined) return this.#asked;
    this.#planned = planClip(this.#asked, this.leftMs, this.#times);
    this.#limit();
    return { ...this.#asked, ...this.#planned };
  }

  condition<Result>(work: Promise<Result>, tooLate: (result: Result) => unknown): Promise<Result> {
    return this.#measure(this.#times.conditions, this.#branches, work, tooLate);
  }

  /** The steps begin. */
  start(): void {
    this.#begin();
  }

  evaluation<Result>(work: Promise<Result>): Promise<Result> {
    return this.#measure(this.#times.evaluations, this.#branches, work);
  }

  /** How many of the steps that are planned there is time for; `isShown` once the caller has seen the last one. */
  stepsToGo(planned: number, isShown: boolean): number {
    if (this.#asked.deadlineMs === undefined) return planned;
    const { finish = 0 } = this.#times;
    const slackMs = this.#times.stepSlack(this.#branches);
    const restMs = this.#previewsMs() + (this.#times.stepRest ?? 0);
    const budgetMs = this.leftMs - finish - slackMs - (isShown ? 0 : restMs);
    return fittingSteps(this.#planned.sampling, planned, budgetMs, this.#evaluationMs(), restMs);
  }

  stepDone(step: number): void {
    this.#step = step;
    this.#limit();
  }

  /** What to show after a step. A clip that comes to nothing shows something at its end. */
  previewOf(step: number, steps: number): WantedPreview {
    const { previewFrames, previewDownscale } = this.#planned;
    const wanted = { frames: previewFrames, downscale: previewDownscale };
    const isDoomed = step === steps && this.leftMs < (this.#times.finish ?? 0);
    if (!isDoomed || previewFrames.length > 0 || this.#preview.size > 0) return wanted;
    const { previewFrames: asked, numFrames } = this.#asked;
    const downscale = ([4, 2, 1] as const).find((each) => this.#asked.downscales.includes(each)) ?? 1;
    return { frames: asked.length > 0 ? asked : [numFrames - 1], downscale };
  }

  previewFrame<Result>(downscale: PreviewDownscale, work: Promise<Result>): Promise<Result> {
    return this.#measure(this.#times.previews, previewSize(downscale), work);
  }

  previewDone(preview: ReadonlyMap<number, Frame>): void {
    if (preview.size > 0) this.#preview = preview;
  }

  /** The caller has done with the step what it wanted to. */
  stepTaken(): void {
    this.#times.stepRests.record(performance.now() - this.#begunMs - this.#measuredMs);
    this.#begin();
  }

  /** The first part of what comes after the last step. */
  decoding<Result>(work: Promise<Result>): Promise<Result> {
    const begunMs = this.#begunMs;
    const record = (): void => this.#times.finishes.record(performance.now() - begunMs);
    return this.timer.race(this.#orGivenUp(work, record), record);
  }

  /** The caller has had a frame for so long. */
  frameTaken(index: number, frame: Frame, restMs: number): void {
    this.#frameRestsMs.push(restMs);
    // Whole frames are the best of all previews.
    if (index === 0) this.#preview = new Map();
    this.#preview = new Map([...this.#preview, [index, frame]]);
  }

  /** The clip is complete, or comes to nothing while the caller has its frames. */
  finished(isRehearsal: boolean): void {
    const restMs = this.#frameRestsMs.reduce((sum, ms) => sum + ms, 0);
    this.#times.finishes.record(performance.now() - this.#begunMs - restMs);
    const { length } = this.#frameRestsMs;
    if (!isRehearsal && length > 0) this.#times.frameRests.record(restMs / length);
  }

  /** Milliseconds from here to the end of the clip, where all of it was measured. */
  remaining(step: number, steps: number): { readonly remainingMs?: number } {
    const { finish } = this.#times;
    if (finish === undefined || this.#evaluationMs() === 0) return {};
    const evaluations = evaluationsOf(this.#planned.sampling.sampler, steps - step);
    const restMs = this.#previewsMs() + (this.#times.stepRest ?? 0);
    return { remainingMs: evaluations * this.#evaluationMs() + (steps - step) * restMs + finish };
  }

  report(): { readonly deadline?: DeadlineReport } {
    const { deadlineMs } = this.#asked;
    return deadlineMs === undefined ? {} : { deadline: { deadlineMs, gaveUp: this.#gaveUp() } };
  }

  #begin(): void {
    this.#begunMs = performance.now();
    this.#measuredMs = 0;
  }

  async #measure<Result>(
    times: RecentTimes,
    size: number,
    work: Promise<Result>,
    tooLate?: (result: Result) => unknown,
  ): Promise<Result> {
    const started = performance.now();
    const record = (): void => times.record(performance.now() - started, size);
    // What comes too late counts as well: the next clip is planned by it.
    const measured = this.#orGivenUp(work, record).then((result) => {
      record();
      return result;
    });
    const result = await this.timer.race(measured, tooLate);
    this.#measuredMs += performance.now() - started;
    return result;
  }

  /** What was given up took at least so long. */
  #orGivenUp<Result>(work: Promise<Result>, record: () => void): Promise<Result> {
    return work.catch((error: unknown) => {
      if (this.over.aborted) record();
      throw error;
    });
  }

  #gaveUp(): readonly Concession[] {
    const taken = this.#step > 0 ? this.#step : this.#planned.sampling.numInferenceSteps;
    const sampling = { ...this.#planned.sampling, numInferenceSteps: taken };
    return [...this.#concessions, ...concessionsOf(this.#asked, { ...this.#planned, sampling })];
  }

  get #branches(): number {
    return branchesFor(this.#planned.sampling).length;
  }

  #evaluationMs(): number {
    return this.#times.evaluation(this.#branches) ?? 0;
  }

  #previewsMs(): number {
    const { previewFrames, previewDownscale } = this.#planned;
    return previewFrames.length * (this.#times.preview(previewDownscale) ?? 0);
  }

  /** Nothing goes on for longer than a step, as long as they take lately, after the deadline. */
  #limit(): void {
    if (this.#asked.deadlineMs === undefined) return;
    const stepMs = evaluationsOf(this.#planned.sampling.sampler, 1) * this.#evaluationMs();
    this.timer.endIn(this.leftMs + stepMs + this.#previewsMs() + (this.#times.stepRest ?? 0));
  }

  #exceeded(): DeadlineExceededError {
    this.#over.abort();
    const { deadlineMs } = this.#asked;
    const shown = this.#preview.size === 0 ? 'no preview' : `a preview of ${this.#preview.size} frames`;
    return new DeadlineExceededError(
      `the clip was not done in ${deadlineMs} ms: ${this.#step} denoising steps, ${shown}`,
      this.#preview,
      this.#step,
      [...this.#concessions, ...(this.#step === 0 ? [] : concessionsOf(this.#asked, this.#planned))],
    );
  }
}
