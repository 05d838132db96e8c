/** What is to be imagined, whether it came by topic or as a goal; checked. */
import { shortSeed } from '../planner/drawn-seed.js';
import type { Frame, ImagineRequest, StateTexts } from '../sdk/index.js';
import type { Header, Uuid } from '../sdk/messages/messages.js';
import { randomPlanId } from '../sdk/messages/plan-id.js';
import { CommandError } from './error-codes.js';
import type { Settings } from './parameters.js';

export interface Order {
  readonly planId: Uuid;
  readonly instructions: readonly string[];
  /** For each instruction, or for none. */
  readonly states: readonly StateTexts[];
  readonly seeds: readonly number[];
  readonly sampling: Pick<
    ImagineRequest,
    'numFrames' | 'preset' | 'numInferenceSteps' | 'frameGuidance' | 'textGuidance'
  >;
  /** Frames that came with it; undefined: the camera's latest is to be used. */
  readonly given: GivenImages | undefined;
  /** From its arrival; 0: none. */
  readonly deadlineMs: number;
  /** Whether whoever gave it wants a preview of the last frame at each step. */
  readonly preview: boolean;
  /** performance.now() */
  readonly arrivedMs: number;
}

/** Frames as messages. */
export interface GivenImages {
  readonly count: number;
  /** Decodes them. Errors: `invalid-image`; the signal's reason. */
  decode(abortSignal: AbortSignal): Promise<Given>;
}

/** Given frames in order of time, and the header of the last one. */
export interface Given {
  readonly frames: readonly Frame[];
  readonly header: Header;
}

/** Characters; a text tower reads far fewer, and telling so takes longer the longer a text is. */
export const MAX_TEXT_LENGTH = 1000;

export function hexOf({ uuid }: Uuid): string {
  return Buffer.from(uuid).toString('hex');
}

/** A command on the topic, with the settings of the parameters. Errors: CommandError `INVALID_INSTRUCTION`. */
export function orderOfCommand(instruction: string, settings: Settings, arrivedMs: number): Order {
  const { seed, num_frames, num_inference_steps, frame_guidance, text_guidance, preset, deadline } = settings;
  return {
    planId: randomPlanId(),
    instructions: [checkedInstruction(instruction, 'instruction')],
    states: [],
    seeds: [seed < 0n ? shortSeed() : Number(seed)],
    sampling: samplingOf({
      numFrames: Number(num_frames),
      numInferenceSteps: Number(num_inference_steps),
      frameGuidance: frame_guidance,
      textGuidance: text_guidance,
      preset,
    }),
    given: undefined,
    deadlineMs: deadline * 1000,
    preview: false,
    arrivedMs,
  };
}

/** Without white space around it. Errors: CommandError `INVALID_INSTRUCTION`, which says `where`. */
export function checkedInstruction(instruction: string, where: string): string {
  const text = instruction.trim();
  const refuse = (problem: string): never => {
    throw new CommandError('INVALID_INSTRUCTION', `${where}: ${problem}`);
  };
  if (text === '') refuse('expected at least one word, got none');
  if (text.length > MAX_TEXT_LENGTH)
    refuse(`expected at most ${MAX_TEXT_LENGTH} characters, got ${text.length}`);
  return text;
}

/** 0 and the empty text stand for what the model says. */
export function samplingOf(values: {
  readonly numFrames: number;
  readonly numInferenceSteps: number;
  readonly frameGuidance: number;
  readonly textGuidance: number;
  readonly preset: string;
}): Order['sampling'] {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== 0 && value !== ''));
}
