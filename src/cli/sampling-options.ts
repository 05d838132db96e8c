/** How a clip is sampled, as options of a command. */
import type { Command } from 'commander';
import type { ImagineRequest } from '../planner/imagination/request.js';
import { finiteNumber, wholeNumber } from './options.js';

/** What is not given is left to the model. */
export interface SamplingFlags {
  readonly steps?: number;
  readonly preset?: string;
  readonly frameGuidance?: number;
  readonly textGuidance?: number;
}

/** The command with these options as its next ones. */
export function withSampling(command: Command, mostSteps?: number): Command {
  return command
    .option(
      '--steps <n>',
      'denoising steps: fewer are faster (default: as the model says)',
      wholeNumber(1, mostSteps),
    )
    .option('--preset <name>', "the model's settings of that name, such as fast")
    .option(
      '--frame-guidance <scale>',
      'how much the frame counts (default: as the model says)',
      finiteNumber,
    )
    .option(
      '--text-guidance <scale>',
      'how much the command counts (default: as the model says)',
      finiteNumber,
    );
}

export function samplingOf({
  steps,
  preset,
  frameGuidance,
  textGuidance,
}: SamplingFlags): Pick<ImagineRequest, 'numInferenceSteps' | 'preset' | 'frameGuidance' | 'textGuidance'> {
  return {
    ...(steps === undefined ? {} : { numInferenceSteps: steps }),
    ...(preset === undefined ? {} : { preset }),
    ...(frameGuidance === undefined ? {} : { frameGuidance }),
    ...(textGuidance === undefined ? {} : { textGuidance }),
  };
}
