/** What a planner tells while it imagines. */
import type { Frame } from '../conditioning/frame.js';
import type { StateTexts, WrittenPrompt } from '../conditioning/state-prompter.js';
import type { EngineDescription } from '../runtime/engine.js';
import type { DeadlineReport } from './deadline.js';
import type { Sampling } from './request.js';

/** Everything that is needed to imagine a clip again, and what it cost. */
export interface ClipReport {
  readonly model: { readonly path: string; readonly sha256: string };
  readonly engine: EngineDescription;
  readonly instruction: string;
  readonly states: StateTexts;
  /** Who wrote the states: a state prompter's name and version, or `caller`. */
  readonly statesWrittenBy: string;
  /** What a multimodal model was asked for them. */
  readonly statesPrompt?: WrittenPrompt;
  /** Why they are not those of the state prompter that was asked. */
  readonly statesFallbackReason?: string;
  readonly seed: number;
  readonly numFrames: number;
  readonly numGivenFrames: number;
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly sampling: Sampling;
  /** The noise levels visited, one for each step: asked for as `sigmas`, they give the same clip again. */
  readonly sigmas: readonly number[];
  /** Where the request had a deadline. */
  readonly deadline?: DeadlineReport;
  readonly warnings: readonly string[];
  /** Milliseconds. */
  readonly timings: {
    readonly observeMs: number;
    readonly conditionMs: number;
    readonly denoiseMs: number;
    readonly decodeMs: number;
    readonly totalMs: number;
  };
}

export interface StepEvent {
  readonly kind: 'step';
  /** Counts from 1. */
  readonly step: number;
  readonly steps: number;
  readonly sigma: number;
  /** The frames asked for as previews, by index. */
  readonly preview: ReadonlyMap<number, Frame>;
  /** Milliseconds from here to the end of the clip, about; absent until the planner has measured itself. */
  readonly remainingMs?: number;
}
export interface FrameEvent {
  readonly kind: 'frame';
  /** Counts from 0; the given frames come first. */
  readonly index: number;
  readonly frame: Frame;
}
export interface EndEvent {
  readonly kind: 'end';
  readonly frames: readonly Frame[];
  readonly report: ClipReport;
}
export type ImagineEvent = StepEvent | FrameEvent | EndEvent;
