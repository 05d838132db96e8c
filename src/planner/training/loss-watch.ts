/** Tells a run whose loss explodes from one whose loss is only noisy. */
import { z } from 'zod';

export const lossHistory = z.object({
  /** Steps seen. */
  count: z.int().nonnegative(),
  /** Mean over the first steps. */
  first: z.number(),
  /** Moving average over the recent steps. */
  recent: z.number(),
});
export type LossHistory = z.infer<typeof lossHistory>;

export const NO_LOSSES: LossHistory = { count: 0, first: 0, recent: 0 };

/** Steps that make up the first mean, and about those that make up the moving one. */
const WINDOW = 20;
/** Losses differ between steps with the noise levels drawn, their averages by far less than this. */
const EXPLODED = 10;

export function withLoss({ count, first, recent }: LossHistory, loss: number): LossHistory {
  return {
    count: count + 1,
    first: count < WINDOW ? first + (loss - first) / (count + 1) : first,
    recent: recent + (loss - recent) / Math.min(count + 1, WINDOW),
  };
}

/** Whether the recent losses are many times those that the run began with. */
export function hasExploded({ count, first, recent }: LossHistory): boolean {
  return count >= 2 * WINDOW && recent > EXPLODED * Math.abs(first);
}
