/** Answering in time: what to give up before it is too late, and ending in time when nothing helps. */
import type { Frame } from '../conditioning/frame.js';
import { branchesFor } from '../diffusion/guidance.js';
import { evaluationsOf } from '../diffusion/samplers.js';
import { AidError } from '../errors.js';
import type { PreviewDownscale, Sampling } from './request.js';

/** Something that was asked for and not given, so as to answer in time. */
export interface Concession {
  readonly what:
    | 'numInferenceSteps'
    | 'frameGuidance'
    | 'textGuidance'
    | 'previewDownscale'
    | 'previewFrames'
    | 'statePrompter';
  readonly asked: number | string;
  readonly given: number | string;
}

/** How a deadline was kept. */
export interface DeadlineReport {
  readonly deadlineMs: number;
  readonly gaveUp: readonly Concession[];
}

const marker = Symbol.for('aid-planner.deadline-exceeded-error');

/** The clip could not be had in time. */
export class DeadlineExceededError extends AidError {
  readonly [marker] = true;

  constructor(
    message: string,
    /** The best that there is so far, by place in the clip: previews, or frames; empty when there was no time for any. */
    readonly preview: ReadonlyMap<number, Frame>,
    /** Denoising steps done. */
    readonly step: number,
    readonly gaveUp: readonly Concession[],
  ) {
    super('deadline-exceeded', message);
    this.name = 'DeadlineExceededError';
  }

  /** True for a DeadlineExceededError of this or another copy of the package. */
  static override isInstance(error: unknown): error is DeadlineExceededError {
    return AidError.isInstance(error) && marker in error;
  }
}

/** Milliseconds that the parts of a clip are expected to take; undefined for what was never measured. */
export interface ExpectedTimes {
  /** For a batch of so many branches. */
  condition(branches: number): number | undefined;
  /** One evaluation of the network. */
  evaluation(branches: number): number | undefined;
  /** One preview frame. */
  preview(downscale: PreviewDownscale): number | undefined;
  /** What a step takes beside these, its caller's time included. */
  readonly stepRest: number | undefined;
  /** By how much one of the steps may be longer than expected. */
  stepSlack(branches: number): number;
  /** From the last step to the end of the clip. */
  readonly finish: number | undefined;
}

export interface PlannedClip {
  readonly sampling: Sampling;
  readonly previewDownscale: PreviewDownscale;
  readonly previewFrames: readonly number[];
  readonly downscales: readonly PreviewDownscale[];
}

/** Below this, guidance is given up before another step is. */
const ENOUGH_STEPS = 4;

/**
 * The best clip that fits into the time: first smaller previews are given up, then steps down to four, previews,
 * branches of guidance, and steps down to one. What was never measured counts nothing; the steps are planned anew
 * while the clip goes on.
 */
export function planClip(asked: PlannedClip, budgetMs: number, expected: ExpectedTimes): PlannedClip {
  const { numInferenceSteps: steps } = asked.sampling;
  const fitting = (clip: PlannedClip): number => {
    const branches = branchesFor(clip.sampling).length;
    const { finish = 0, stepRest = 0 } = expected;
    const fixedMs = (expected.condition(branches) ?? 0) + expected.stepSlack(branches) + finish;
    const previewsMs = clip.previewFrames.length * (expected.preview(clip.previewDownscale) ?? 0);
    const evaluationMs = expected.evaluation(branches) ?? 0;
    return fittingSteps(clip.sampling, steps, budgetMs - fixedMs, evaluationMs, previewsMs + stepRest);
  };
  const smaller = asked.downscales.filter((downscale) => downscale >= asked.previewDownscale);
  let last = asked;
  for (const guidance of guidances(asked.sampling)) {
    const clip = { ...asked, sampling: { ...asked.sampling, ...guidance } };
    for (const previewDownscale of smaller) {
      last = { ...clip, previewDownscale };
      if (fitting(last) >= steps) return last;
    }
    for (const each of [last, { ...last, previewFrames: [] }]) {
      const count = fitting(each);
      if (count >= Math.min(steps, ENOUGH_STEPS)) return withSteps(each, count);
    }
  }
  const bare = { ...last, previewFrames: [] };
  const count = fitting(bare);
  // Where not even one step fits, a preview is the best there will be.
  return count >= 1 ? withSteps(bare, count) : withSteps(last, 1);
}

/** The most steps up to `most` that fit; `restMs` is what each takes beside its evaluations. */
export function fittingSteps(
  { sampler }: Pick<Sampling, 'sampler'>,
  most: number,
  budgetMs: number,
  evaluationMs: number,
  restMs: number,
): number {
  let steps = most;
  while (steps > 0 && evaluationsOf(sampler, steps) * evaluationMs + steps * restMs > budgetMs) steps -= 1;
  return steps;
}

/** What `given` lacks of what was `asked`. */
export function concessionsOf(asked: PlannedClip, given: PlannedClip): Concession[] {
  const pairs: readonly (readonly [Concession['what'], number | string, number | string])[] = [
    ['previewDownscale', asked.previewDownscale, given.previewDownscale],
    ['previewFrames', asked.previewFrames.join(' '), given.previewFrames.join(' ')],
    ['numInferenceSteps', asked.sampling.numInferenceSteps, given.sampling.numInferenceSteps],
    ['frameGuidance', asked.sampling.frameGuidance, given.sampling.frameGuidance],
    ['textGuidance', asked.sampling.textGuidance, given.sampling.textGuidance],
  ];
  const lacks = ([what, before, after]: (typeof pairs)[number]): boolean =>
    before !== after && !(what === 'previewDownscale' && asked.previewFrames.length === 0);
  return pairs.filter(lacks).map(([what, before, after]) => ({ what, asked: before, given: after }));
}

function withSteps(clip: PlannedClip, numInferenceSteps: number): PlannedClip {
  return { ...clip, sampling: { ...clip.sampling, numInferenceSteps } };
}

/** The scales asked for, then ones that need fewer branches. */
function guidances(asked: Sampling): Pick<Sampling, 'frameGuidance' | 'textGuidance'>[] {
  const { frameGuidance, textGuidance } = asked;
  const all = [
    { frameGuidance, textGuidance },
    { frameGuidance: 1, textGuidance },
    { frameGuidance: 1, textGuidance: 1 },
  ];
  let fewest = Number.POSITIVE_INFINITY;
  return all.filter((scales) => {
    const { length } = branchesFor(scales);
    const isCheaper = length < fewest;
    fewest = Math.min(fewest, length);
    return isCheaper;
  });
}
