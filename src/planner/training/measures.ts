/** Moving means of a recipe's measures over the recent steps. */
import { z } from 'zod';

export const movingMeasures = z.object({
  /** Steps seen. */
  count: z.int().nonnegative(),
  means: z.record(z.string(), z.number()),
});
export type MovingMeasures = z.infer<typeof movingMeasures>;

export const NO_MEASURES: MovingMeasures = { count: 0, means: {} };

/** About as many steps make up a mean: one step's measures are those of its few clips. */
const WINDOW = 100;

/** The mean of all steps until there are as many as a window has; then each counts as its share of one. */
export function withMeasures(
  { count, means }: MovingMeasures,
  measures: Readonly<Record<string, number>>,
): MovingMeasures {
  const steps = Math.min(count + 1, WINDOW);
  const moved = Object.entries(measures).map(([name, value]) => {
    const mean = means[name] ?? value;
    return [name, mean + (value - mean) / steps];
  });
  return { count: count + 1, means: Object.fromEntries(moved) };
}
