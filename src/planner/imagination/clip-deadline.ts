/** One clip and the time that it has. Without a deadline it only tells how much is left to do. */
import type { Frame } from '../conditioning/frame.js';
import { branchesFor } from '../diffusion/guidance.js';
import { type Stopwatch, Timer } from './clock.js';
import {
  type Concession,
  concessionsOf,
  DeadlineExceededError,
  type DeadlineReport,
  type ExpectedTimes,
  evaluationsOf,
  fittingSteps,
  type PlannedClip,
  planClip,
} from './deadline.js';
import type { PreviewDownscale, ResolvedRequest } from './request.js';

export interface WantedPreview {
  readonly frames: readonly number[];
  readonly downscale: PreviewDownscale;
}

/** The share of the time that a state prompter may take where nothing was measured. */
const PROMPT_SHARE = 0.5;

export class ClipDeadline {
  readonly timer: Timer;
  isOver = false;
  readonly #asked: ResolvedRequest;
  readonly #expected: ExpectedTimes;
  readonly #clock: Stopwatch;
  readonly #sigmas: number[] = [];
  #planned: PlannedClip;
  #concessions: readonly Concession[] = [];
  #preview: ReadonlyMap<number, Frame> = new Map();
  #step = 0;

  constructor(asked: ResolvedRequest, expected: ExpectedTimes, clock: Stopwatch) {
    this.#asked = asked;
    this.#planned = asked;
    this.#expected = expected;
    this.#clock = clock;
    this.timer = new Timer(() => this.#exceeded());
    this.#limit();
  }

  /** Milliseconds until the deadline. */
  get leftMs(): number {
    return (this.#asked.deadlineMs ?? Number.POSITIVE_INFINITY) - this.#clock.elapsedMs;
  }

  /** How long state texts may be waited for, so that the shortest clip still fits. */
  get promptMs(): number {
    const { condition, evaluation, decode } = this.#expected;
    const shortest = [condition(1), evaluation(1), decode];
    if (shortest.some((ms) => ms === undefined)) return this.leftMs * PROMPT_SHARE;
    return Math.max(0, this.leftMs - shortest.reduce<number>((sum, ms) => sum + (ms ?? 0), 0));
  }

  giveUp(concession: Concession): void {
    this.#concessions = [...this.#concessions, concession];
  }

  /** The request as it is to be imagined in the time that is left. */
  plan(): ResolvedRequest {
    if (this.#asked.deadlineMs === undefined) return this.#asked;
    this.#planned = planClip(this.#asked, this.leftMs, this.#expected);
    this.#limit();
    return { ...this.#asked, ...this.#planned };
  }

  /** How many of the steps that are planned there is time for. */
  stepsToGo(planned: number): number {
    if (this.#asked.deadlineMs === undefined) return planned;
    const { sampling } = this.#planned;
    const budgetMs = this.leftMs - (this.#expected.decode ?? 0);
    return fittingSteps(sampling, planned, budgetMs, this.#evaluationMs(), this.#previewsMs());
  }

  stepDone(step: number, sigma: number): void {
    this.#step = step;
    this.#sigmas.push(sigma);
    this.#limit();
  }

  /** What to show after a step. A clip that comes to nothing shows something at its end. */
  previewOf(step: number, steps: number): WantedPreview {
    const { previewFrames, previewDownscale } = this.#planned;
    const wanted = { frames: previewFrames, downscale: previewDownscale };
    const isDoomed = step === steps && this.leftMs < (this.#expected.decode ?? 0);
    if (!isDoomed || previewFrames.length > 0 || this.#preview.size > 0) return wanted;
    const { previewFrames: asked, numFrames } = this.#asked;
    const downscale = ([4, 2, 1] as const).find((each) => this.#asked.downscales.includes(each)) ?? 1;
    return { frames: asked.length > 0 ? asked : [numFrames - 1], downscale };
  }

  previewDone(preview: ReadonlyMap<number, Frame>): void {
    if (preview.size > 0) this.#preview = preview;
  }

  /** Milliseconds from here to the end of the clip, where all of it was measured. */
  remaining(step: number, steps: number): { readonly remainingMs?: number } {
    const { decode } = this.#expected;
    if (decode === undefined || this.#evaluationMs() === 0) return {};
    const evaluations = evaluationsOf(this.#planned.sampling.sampler, steps - step);
    return { remainingMs: evaluations * this.#evaluationMs() + (steps - step) * this.#previewsMs() + decode };
  }

  report(): { readonly deadline?: DeadlineReport } {
    const { deadlineMs } = this.#asked;
    if (deadlineMs === undefined) return {};
    return { deadline: { deadlineMs, gaveUp: this.#gaveUp(), sigmas: this.#sigmas } };
  }

  #gaveUp(): readonly Concession[] {
    const taken = this.#step > 0 ? this.#step : this.#planned.sampling.numInferenceSteps;
    const sampling = { ...this.#planned.sampling, numInferenceSteps: taken };
    return [...this.#concessions, ...concessionsOf(this.#asked, { ...this.#planned, sampling })];
  }

  #evaluationMs(): number {
    return this.#expected.evaluation(branchesFor(this.#planned.sampling).length) ?? 0;
  }

  #previewsMs(): number {
    const { previewFrames, previewDownscale } = this.#planned;
    return previewFrames.length * (this.#expected.preview(previewDownscale) ?? 0);
  }

  /** Nothing goes on for longer than a step after the deadline. */
  #limit(): void {
    if (this.#asked.deadlineMs !== undefined) this.timer.endIn(this.leftMs + this.#evaluationMs());
  }

  #exceeded(): DeadlineExceededError {
    this.isOver = true;
    const { deadlineMs } = this.#asked;
    const shown = this.#preview.size === 0 ? 'no preview' : `a preview of ${this.#preview.size} frames`;
    return new DeadlineExceededError(
      `the clip was not done in ${deadlineMs} ms: ${this.#step} denoising steps, ${shown}`,
      this.#preview,
      this.#step,
      this.#step === 0 ? this.#concessions : concessionsOf(this.#asked, this.#planned),
    );
  }
}
