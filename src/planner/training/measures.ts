/** Means of a recipe's measures over steps. */
import { z } from 'zod';

export const measureSums = z.object({
  /** Steps. */
  count: z.int().nonnegative(),
  sums: z.record(z.string(), z.number()),
});
export type MeasureSums = z.infer<typeof measureSums>;

export const NO_MEASURES: MeasureSums = { count: 0, sums: {} };

export function withMeasures(
  { count, sums }: MeasureSums,
  measures: Readonly<Record<string, number>>,
): MeasureSums {
  const added = Object.entries(measures).map(([name, value]) => [name, (sums[name] ?? 0) + value]);
  return { count: count + 1, sums: Object.fromEntries(added) };
}

export function meansOf({ count, sums }: MeasureSums): Record<string, number> {
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / count]));
}
