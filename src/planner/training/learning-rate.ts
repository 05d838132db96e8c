import { z } from 'zod';

export const learningRateConfig = z.object({
  peak: z.number().positive(),
  /** Steps of linear growth from 0. */
  warmupSteps: z.int().nonnegative().default(100),
  decay: z.enum(['none', 'cosine', 'linear']).default('cosine'),
  /** Share of the peak at the last step. */
  floor: z.number().min(0).max(1).default(0.05),
});
export type LearningRateConfig = z.infer<typeof learningRateConfig>;

/** The learning rate of step 1..steps. */
export function learningRateAt(
  step: number,
  steps: number,
  { peak, warmupSteps, decay, floor }: LearningRateConfig,
): number {
  if (step <= warmupSteps) return (peak * step) / warmupSteps;
  if (decay === 'none') return peak;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  const share = decay === 'cosine' ? (1 + Math.cos(Math.PI * progress)) / 2 : 1 - progress;
  return peak * (floor + (1 - floor) * share);
}
