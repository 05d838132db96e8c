/** How clips are sampled in an evaluation, and which other ways a sweep tries. */
import type { SamplerName } from '../diffusion/samplers.js';
import type { ImagineRequest } from '../imagination/request.js';

/** What may differ from the model's own settings. */
export type SamplingChoice = Pick<
  ImagineRequest,
  'numInferenceSteps' | 'sampler' | 'frameGuidance' | 'textGuidance' | 'preset'
>;

/** With these scales only the branch with empty texts is computed (Eq. 8), whatever the instruction. */
export const BLANK = { frameGuidance: 1, textGuidance: 0 } as const;

/** One row of a sweep. */
export interface SweepSetting {
  readonly numInferenceSteps: number;
  readonly sampler: SamplerName;
  readonly frameGuidance: number;
  readonly textGuidance: number;
}

const STEPS = [25, 8, 4, 2, 1];
const MANNERS: readonly Omit<SweepSetting, 'numInferenceSteps'>[] = [
  { sampler: 'euler', frameGuidance: 1, textGuidance: 1 },
  { sampler: 'euler', frameGuidance: 1, textGuidance: 2 },
  { sampler: 'euler', frameGuidance: 1, textGuidance: 3 },
  { sampler: 'euler', frameGuidance: 1, textGuidance: 4 },
  { sampler: 'euler', frameGuidance: 2, textGuidance: 2 },
  { sampler: 'dpm++2m', frameGuidance: 1, textGuidance: 3 },
];

/** 25, 8, 4, 2 and 1 steps, each without guidance, with four guidances, and with a second-order sampler. */
export const DEFAULT_SWEEP: readonly SweepSetting[] = MANNERS.flatMap((manner) =>
  STEPS.map((numInferenceSteps) => ({ numInferenceSteps, ...manner })),
);
