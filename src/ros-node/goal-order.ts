/** A goal of the action as an order. */
import { shortSeed } from '../planner/drawn-seed.js';
import { NUM_STATES } from '../planner/models/aid-config.js';
import { takingTurns } from '../planner/turns.js';
import type { Frame, StateTexts } from '../sdk/index.js';
import {
  checkCompressedImage,
  checkImage,
  frameFromCompressedImage,
  frameFromImage,
} from '../sdk/messages/images.js';
import type { ImagineGoal, Uuid } from '../sdk/messages/messages.js';
import { msFromDuration } from '../sdk/messages/time.js';
import { CommandError } from './error-codes.js';
import { checkedInstruction, type GivenImages, MAX_TEXT_LENGTH, type Order, samplingOf } from './order.js';
import { PARAMETERS, type Settings } from './parameters.js';

/** Clips: instructions times candidates. */
const MAX_CLIPS = 64;
const MAX_GIVEN = 64;

/**
 * `acceptedMs` is the performance.now() from which the goal's deadline counts. What a goal has wrong is found here,
 * before anything is ended for it. Errors: CommandError `INVALID_REQUEST`, `INVALID_INSTRUCTION`; `invalid-image`.
 */
export function orderOfGoal(
  goal: ImagineGoal,
  {
    planId,
    acceptedMs,
    settings,
  }: { readonly planId: Uuid; readonly acceptedMs: number; readonly settings: Settings },
): Order {
  const { instructions, states } = goal;
  const candidates = Math.max(1, goal.candidates);
  if (instructions.length === 0) refuse('instructions: expected at least 1, got 0');
  if (instructions.length * candidates > MAX_CLIPS)
    refuse(
      `instructions, candidates: expected at most ${MAX_CLIPS} clips in all, got ${instructions.length} times ${candidates}`,
    );
  if (states.length !== 0 && states.length !== NUM_STATES * instructions.length)
    refuse(`states: expected none or ${NUM_STATES} for each instruction, got ${states.length}`);
  const seed = Number(goal.seed);
  const lastSeed = Number.MAX_SAFE_INTEGER - (candidates - 1);
  if (!Number.isSafeInteger(seed) || seed < -1 || seed > lastSeed)
    refuse(`seed: expected -1 to ${lastSeed} for ${candidates} candidates, got ${goal.seed}`);
  for (const name of ['frame_guidance', 'text_guidance'] as const) {
    const [low, high] = PARAMETERS[name].range;
    if (!(goal[name] >= low && goal[name] <= high))
      refuse(`${name}: expected ${low} to ${high}, got ${goal[name]}`);
  }
  for (const [index, text] of states.entries())
    if (text.length > MAX_TEXT_LENGTH)
      refuse(`states[${index}]: expected at most ${MAX_TEXT_LENGTH} characters, got ${text.length}`);
  const deadlineMs = msFromDuration(goal.deadline);
  if (deadlineMs < 0) refuse(`deadline: expected 0 or more, got ${deadlineMs / 1000} s`);
  const first = seed === -1 ? shortSeed() : seed;
  return {
    planId,
    instructions: instructions.map((text, index) => checkedInstruction(text, `instructions[${index}]`)),
    states:
      states.length === 0
        ? []
        : instructions.map(
            (_, i) => states.slice(NUM_STATES * i, NUM_STATES * (i + 1)) as unknown as StateTexts,
          ),
    seeds: Array.from({ length: candidates }, (_, i) => first + i),
    sampling: samplingOf({
      numFrames: goal.num_frames,
      numInferenceSteps: goal.num_inference_steps,
      frameGuidance: goal.frame_guidance,
      textGuidance: goal.text_guidance,
      preset: goal.preset === '' ? settings.preset : goal.preset,
    }),
    given: givenImages(goal),
    deadlineMs,
    preview: goal.preview,
    arrivedMs: acceptedMs,
  };
}

function givenImages({ frames: images, compressed_frames: files }: ImagineGoal): GivenImages | undefined {
  const count = images.length + files.length;
  if (images.length > 0 && files.length > 0)
    refuse('frames: expected them in frames or in compressed_frames, not both');
  if (count > MAX_GIVEN) refuse(`frames: expected at most ${MAX_GIVEN}, got ${count}`);
  for (const image of images) checkImage(image);
  for (const file of files) checkCompressedImage(file);
  const header = [...images, ...files].at(-1)?.header;
  if (header === undefined) return undefined;
  const decode: GivenImages['decode'] = async (abortSignal) => {
    const frames: Frame[] = [];
    const rest = takingTurns();
    for (const image of [...images, ...files]) {
      await rest();
      abortSignal.throwIfAborted();
      frames.push('encoding' in image ? frameFromImage(image) : await frameFromCompressedImage(image));
    }
    return { header, frames };
  };
  return { count, decode };
}

function refuse(what: string): never {
  throw new CommandError('INVALID_REQUEST', what);
}
