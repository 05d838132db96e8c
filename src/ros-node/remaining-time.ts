/** How long an order will still take. */
import type { OrderStep } from './imagination.js';

/**
 * Milliseconds from a step to the end of the order, about: what the planner says of the clip, decoding included, and
 * for each clip after it as long as one took so far. `workedMs` is the time since the first clip began.
 */
export function remainingTime(
  {
    clip,
    clips,
    step,
    steps,
    remainingMs,
  }: Pick<OrderStep, 'clip' | 'clips' | 'step' | 'steps' | 'remainingMs'>,
  workedMs: number,
): number {
  // A planner that has not measured itself yet: by the steps alone.
  const ofClip = remainingMs ?? ((steps - step) * workedMs) / (clip * steps + step);
  return ofClip + ((clips - clip - 1) * (workedMs + ofClip)) / (clip + 1);
}
