/** Operators that pick from a clip's events what someone shows or uses. */
import { filter, map, mergeMap, type OperatorFunction } from 'rxjs';
import type { Frame } from '../planner/conditioning/frame.js';
import type { ImagineEvent, StepEvent } from '../planner/imagination/events.js';

/** How far a clip is. */
export interface Progress {
  /** Counts from 1. */
  readonly step: number;
  readonly steps: number;
}

/** A frame as it would be if the noise were removed at once. */
export interface Preview extends Progress {
  /** The frame's place in the clip, from 0. */
  readonly index: number;
  readonly frame: Frame;
}

/** The end alone: of a clip or a long video all frames and what was run, of candidates their ranking. */
export function endOnly<Event extends { readonly kind: string }>(): OperatorFunction<Event, EndOf<Event>> {
  return filter((event: Event): event is EndOf<Event> => event.kind === 'end');
}

/** The event that a stream ends with. */
export type EndOf<Event> = Extract<Event, { readonly kind: 'end' }>;

/** The denoising steps alone. */
export function progressOnly(): OperatorFunction<ImagineEvent, Progress> {
  return (events) =>
    events.pipe(
      steps(),
      map(({ step, steps: count }) => ({ step, steps: count })),
    );
}

/** Every preview frame of every step; the request's `previewFrames` says which there are. */
export function previewsOnly(): OperatorFunction<ImagineEvent, Preview> {
  return (events) =>
    events.pipe(
      steps(),
      mergeMap(({ step, steps: count, preview }) =>
        [...preview].map(([index, frame]) => ({ step, steps: count, index, frame })),
      ),
    );
}

/** The clip's frames one by one, in order. */
export function framesOnly(): OperatorFunction<ImagineEvent, Frame> {
  return (events) =>
    events.pipe(
      filter((event) => event.kind === 'frame'),
      map(({ frame }) => frame),
    );
}

function steps(): OperatorFunction<ImagineEvent, StepEvent> {
  return filter((event) => event.kind === 'step');
}
