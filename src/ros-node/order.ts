/** What is to be imagined, whether it came by topic or as a goal; checked. */
import { randomUUID } from 'node:crypto';
import { shortSeed } from '../planner/drawn-seed.js';
import { NUM_STATES } from '../planner/models/aid-config.js';
import type { Frame, ImagineRequest, StateTexts } from '../sdk/index.js';
import { frameFromCompressedImage, frameFromImage } from '../sdk/messages/images.js';
import type { Header, ImagineGoal, Uuid } from '../sdk/messages/messages.js';
import { msFromDuration } from '../sdk/messages/time.js';
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
  /** Decodes the frames that came with it; undefined: the camera's latest is to be used. */
  readonly given: (() => Promise<Given>) | undefined;
  /** From its arrival; 0: none. */
  readonly deadlineMs: number;
  /** Whether someone wants a preview of the last frame at each step. */
  readonly preview: boolean;
  /** performance.now() */
  readonly arrivedMs: number;
}

/** Given frames in order of time, and the header of the last one. */
export interface Given {
  readonly frames: readonly Frame[];
  readonly header: Header;
}

const MAX_INSTRUCTIONS = 64;
const MAX_CANDIDATES = 64;
const MAX_GIVEN = 64;

export function randomPlanId(): Uuid {
  return { uuid: Uint8Array.from(Buffer.from(randomUUID().replaceAll('-', ''), 'hex')) };
}

export function hexOf({ uuid }: Uuid): string {
  return Buffer.from(uuid).toString('hex');
}

/** A command on the topic, with the settings of the parameters. Errors: CommandError `INVALID_INSTRUCTION`. */
export function orderOfCommand(instruction: string, settings: Settings, preview: boolean): Order {
  const { seed, num_frames, num_inference_steps, frame_guidance, text_guidance, preset, deadline } = settings;
  return {
    planId: randomPlanId(),
    instructions: [checked(instruction, 'instruction')],
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
    preview,
    arrivedMs: performance.now(),
  };
}

/** Errors: CommandError `INVALID_REQUEST`, `INVALID_INSTRUCTION`. */
export function orderOfGoal(goal: ImagineGoal, planId: Uuid, settings: Settings): Order {
  const { instructions, states, frames, compressed_frames: files, candidates } = goal;
  const refuse = (what: string): never => {
    throw new CommandError('INVALID_REQUEST', what);
  };
  if (instructions.length === 0 || instructions.length > MAX_INSTRUCTIONS)
    refuse(`instructions: expected 1 to ${MAX_INSTRUCTIONS}, got ${instructions.length}`);
  if (candidates > MAX_CANDIDATES)
    refuse(`candidates: expected at most ${MAX_CANDIDATES}, got ${candidates}`);
  if (states.length !== 0 && states.length !== NUM_STATES * instructions.length)
    refuse(`states: expected none or ${NUM_STATES} for each instruction, got ${states.length}`);
  if (frames.length > 0 && files.length > 0)
    refuse('frames: expected them in frames or in compressed_frames, not both');
  if (frames.length + files.length > MAX_GIVEN) refuse(`frames: expected at most ${MAX_GIVEN}`);
  const seed = Number(goal.seed);
  const count = Math.max(1, candidates);
  if (!Number.isSafeInteger(seed) || seed < -1 || !Number.isSafeInteger(seed + count))
    refuse(`seed: expected -1 to 2^53 - 1, got ${goal.seed}`);
  for (const [name, value] of Object.entries({ frame: goal.frame_guidance, text: goal.text_guidance }))
    if (!Number.isFinite(value)) refuse(`${name}_guidance: expected a finite number, got ${value}`);
  const deadlineMs = msFromDuration(goal.deadline);
  if (deadlineMs < 0) refuse(`deadline: expected 0 or more, got ${deadlineMs / 1000} s`);
  const first = seed === -1 ? shortSeed() : seed;
  const header = [...frames, ...files].at(-1)?.header;
  return {
    planId,
    instructions: instructions.map((text, index) => checked(text, `instructions[${index}]`)),
    states:
      states.length === 0
        ? []
        : instructions.map(
            (_, i) => states.slice(NUM_STATES * i, NUM_STATES * (i + 1)) as unknown as StateTexts,
          ),
    seeds: Array.from({ length: count }, (_, i) => first + i),
    sampling: samplingOf({
      numFrames: goal.num_frames,
      numInferenceSteps: goal.num_inference_steps,
      frameGuidance: goal.frame_guidance,
      textGuidance: goal.text_guidance,
      preset: goal.preset === '' ? settings.preset : goal.preset,
    }),
    given:
      header === undefined
        ? undefined
        : async () => ({
            header,
            frames: [
              ...frames.map(frameFromImage),
              ...(await Promise.all(files.map(frameFromCompressedImage))),
            ],
          }),
    deadlineMs,
    preview: goal.preview,
    arrivedMs: performance.now(),
  };
}

function checked(instruction: string, where: string): string {
  const text = instruction.trim();
  if (text === '')
    throw new CommandError('INVALID_INSTRUCTION', `${where}: expected at least one word, got none`);
  return text;
}

/** 0 and the empty text stand for what the model says. */
function samplingOf(values: {
  readonly numFrames: number;
  readonly numInferenceSteps: number;
  readonly frameGuidance: number;
  readonly textGuidance: number;
  readonly preset: string;
}): Order['sampling'] {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== 0 && value !== ''));
}
