/** A planner whose clips are marble diagrams: what the SDK does with time is seen frame by frame. */
import type { Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import type { ClipReport, ImagineEvent } from '#planner/imagination/events.js';
import { Observation } from '#planner/imagination/observation.js';
import type { ImagineRequest } from '#planner/imagination/request.js';
import type { Planner } from '#sdk/planner.js';
import { picture } from '../planner/conditioning/pictures.js';

/** Deep equality in virtual time. */
export const marbles = (): TestScheduler =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected));

export const frame: Frame = picture(8, 8);
export const observation = new Observation([frame], [], new Float32Array());
export const report = { seed: 1 } as unknown as ClipReport;

export const step = (number: number): ImagineEvent => ({
  kind: 'step',
  step: number,
  steps: 2,
  sigma: 1,
  preview: new Map(),
});
export const end = (frames: readonly Frame[] = [frame]): ImagineEvent => ({ kind: 'end', frames, report });

/** `1` and `2` are steps, `f` a frame, `e` the end. */
export const clipEvents: Readonly<Record<string, ImagineEvent>> = {
  1: step(1),
  2: step(2),
  f: { kind: 'frame', index: 0, frame },
  e: end(),
};

export interface FakePlanner extends Planner {
  /** What was imagined, in order. */
  readonly requests: readonly ImagineRequest[];
}

export function fakePlanner(clip: (request: ImagineRequest) => Observable<ImagineEvent>): FakePlanner {
  const requests: ImagineRequest[] = [];
  return {
    requests,
    video: { numFrames: 1, width: 8, height: 8, framesPerSecond: 5 },
    observe: async () => observation,
    writeStates: async () => ({ states: ['a', 'b', 'c', 'd'], writtenBy: 'fake/1' }),
    imagine(request) {
      requests.push(request);
      return clip(request);
    },
  };
}
