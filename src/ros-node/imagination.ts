/** An order, carried out through the SDK: each instruction's candidates from one observation of the frames. */
import { concat, concatMap, defer, type Observable, of } from 'rxjs';
import {
  candidates,
  type Frame,
  type ImagineRequest,
  type Planner,
  type RankedCandidate,
  SharedDeadline,
  type Spread,
} from '../sdk/index.js';
import type { ClipParts } from '../sdk/messages/clip-message.js';
import type { Order } from './order.js';

export interface OrderStep {
  readonly kind: 'step';
  /** Counts from 0, and how many there are: instructions times candidates. */
  readonly clip: number;
  readonly clips: number;
  /** Counts from 1. */
  readonly step: number;
  readonly steps: number;
  /** Milliseconds to the end of this clip, about; undefined until the planner has measured itself. */
  readonly remainingMs: number | undefined;
  /** The last frame as this step foresees it. */
  readonly preview: Frame | undefined;
}

/** All candidates of one instruction, the best first. */
export interface OrderClips {
  readonly kind: 'clips';
  readonly clips: readonly ClipParts[];
}

export interface OrderLimits {
  readonly abortSignal: AbortSignal;
  /** Time until the deadline; undefined where there is none. */
  readonly leftMs: () => number | undefined;
}

/**
 * What is left of the time is shared by the clips. Aborting stops the work within one denoising step; the error comes
 * when it has stopped, so that what follows finds the engine free. Errors: those of the SDK's `candidates`, `aborted`
 * among them, and that of a clip that failed, after those of its instruction that did not.
 */
export function imagineOrder(
  planner: Planner,
  { instructions, states, seeds, sampling, preview }: Order,
  frames: readonly Frame[],
  { abortSignal, leftMs }: OrderLimits,
): Observable<OrderStep | OrderClips> {
  const clips = instructions.length * seeds.length;
  const last = (sampling.numFrames ?? planner.video.numFrames) - 1;
  return defer(() => {
    const left = leftMs();
    const deadline = left === undefined ? {} : { deadlineMs: new SharedDeadline(left, clips) };
    // For one instruction `candidates` does it, in the time that its report tells.
    const observed: Observable<ImagineRequest['frames']> =
      instructions.length === 1 ? of(frames) : defer(() => planner.observe(frames, { abortSignal }));
    return observed.pipe(
      concatMap((seen) =>
        concat(
          ...instructions.map((instruction, index) => {
            const own = states[index];
            return candidates(planner, {
              ...sampling,
              ...deadline,
              frames: seen,
              abortSignal,
              instruction,
              seeds,
              ...(own === undefined ? {} : { states: own }),
              ...(preview ? { previewFrames: [last] } : {}),
            }).pipe(
              concatMap(function* (event): Generator<OrderStep | OrderClips> {
                if (event.kind === 'candidate-step') {
                  const { step, steps, remainingMs } = event;
                  const clip = index * seeds.length + event.candidate;
                  yield {
                    kind: 'step',
                    clip,
                    clips,
                    step,
                    steps,
                    remainingMs,
                    preview: event.preview.get(last),
                  };
                }
                if (event.kind !== 'end') return;
                yield { kind: 'clips', clips: partsOf(event.ranked, event.spreads.get(instruction)) };
                for (const { error } of event.failed) throw error;
              }),
            );
          }),
        ),
      ),
    );
  });
}

function partsOf(ranked: readonly RankedCandidate[], spread: Spread | undefined): ClipParts[] {
  const confidence = spread?.perFrame.map((deviation) => Math.min(1, Math.max(0, 1 - deviation))) ?? [];
  return ranked.map(({ frames, report, score }, rank) => ({ frames, report, rank, score, confidence }));
}
