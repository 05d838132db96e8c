/** Long video (arXiv 2406.06465, long video prediction): the last frames of a clip are the first of the next. */
import type { Frame } from '../conditioning/frame.js';
import { isStateTexts, type StatePrompt, type StateTexts } from '../conditioning/state-prompter.js';
import { AidError, kindOf } from '../errors.js';
import type { ClipReport, EndEvent, ImagineEvent, StepEvent } from './events.js';
import type { Networks } from './networks.js';
import { checkIsRequest, type ImagineRequest, resolveRequest, whole } from './request.js';
import { checkedStates } from './written-states.js';

export interface RolloutRequest extends Omit<ImagineRequest, 'instruction' | 'states'> {
  /** One for the whole video, whose states are then written once; or one for each clip. */
  readonly instruction: string | readonly string[];
  /** Instead of the state prompter's: for the whole video, or texts for each clip. */
  readonly states?: NonNullable<ImagineRequest['states']> | readonly StateTexts[];
  /** Clips to imagine; the number of instructions when absent, 1 for a single one. */
  readonly numClips?: number;
  /** Frames that a clip takes from the end of the one before, 1 unless said otherwise. */
  readonly overlapFrames?: number;
}

export interface RolloutStepEvent extends StepEvent {
  /** Counts from 0. */
  readonly clip: number;
  readonly clips: number;
}
export interface RolloutFrameEvent {
  readonly kind: 'frame';
  readonly clip: number;
  /** In the whole video, from 0. Frames that two clips share come once, from the earlier one. */
  readonly index: number;
  readonly frame: Frame;
}
export interface RolloutClipEvent {
  readonly kind: 'clip';
  readonly clip: number;
  readonly clips: number;
  /** As `imagine` gives it: with these frames, instruction, states and seed it is the same clip. */
  readonly report: ClipReport;
}
export interface RolloutEndEvent {
  readonly kind: 'end';
  /** The whole video, clips * (F - overlap) + overlap frames. */
  readonly frames: readonly Frame[];
  /** Of each clip. */
  readonly reports: readonly ClipReport[];
}
export type RolloutEvent = RolloutStepEvent | RolloutFrameEvent | RolloutClipEvent | RolloutEndEvent;

/** What a clip of the video is asked for. The first one's frames are given, the others' are still to come. */
interface ClipPlan {
  readonly instruction: string;
  readonly states: ImagineRequest['states'] | undefined;
  readonly seed: number;
}

export interface ResolvedRollout {
  readonly clips: readonly ClipPlan[];
  readonly overlapFrames: number;
  /** Whether the states of the first clip hold for all. */
  readonly sharesStates: boolean;
}

const MAX_CLIPS = 10_000;

/** Checks every clip of the video before the first is imagined. Errors: `invalid-argument`. */
export function resolveRollout(request: RolloutRequest, networks: Networks): ResolvedRollout {
  checkIsRequest(request);
  const { instruction, states, overlapFrames = 1 } = request;
  if (typeof instruction !== 'string' && !Array.isArray(instruction))
    throw new AidError(
      'invalid-argument',
      `instruction: expected text, or a list of texts, got ${kindOf(instruction)}`,
    );
  const sharesInstruction = typeof instruction === 'string';
  const numClips = request.numClips ?? (sharesInstruction ? 1 : instruction.length);
  whole('numClips', numClips, 1, MAX_CLIPS);
  if (!sharesInstruction && instruction.length !== numClips)
    throw new AidError(
      'invalid-argument',
      `instruction: expected one, or one for each of ${numClips} clips, got ${instruction.length}`,
    );
  const perClip =
    Array.isArray(states) && !isStateTexts(states) ? (states as readonly StateTexts[]) : undefined;
  if (perClip !== undefined && perClip.length !== numClips)
    throw new AidError(
      'invalid-argument',
      `states: expected those of one clip, or of each of ${numClips}, got ${perClip.length}`,
    );
  for (const [clip, own] of (perClip ?? []).entries()) ofClip(clip, () => checkedStates(own));
  const resolve = (clip: number, seed: number | undefined) => {
    const own = { ...clipRequest(request), ...(seed === undefined ? {} : { seed }) };
    if (sharesInstruction) return resolveRequest({ ...own, instruction }, networks);
    return ofClip(clip, () => resolveRequest({ ...own, instruction: instruction[clip] as string }, networks));
  };
  const first = resolve(0, request.seed);
  const { seed, numFrames } = first;
  whole('seed', seed + (numClips - 1), 0, Number.MAX_SAFE_INTEGER);
  if (numClips > 1 || request.overlapFrames !== undefined)
    whole('overlapFrames', overlapFrames, 1, numFrames - 1);
  const clips = Array.from({ length: numClips }, (_, clip): ClipPlan => {
    return {
      instruction: (sharesInstruction ? first : resolve(clip, seed)).instruction,
      states: perClip === undefined ? (states as ClipPlan['states']) : perClip[clip],
      seed: seed + clip,
    };
  });
  return { clips, overlapFrames, sharesStates: sharesInstruction && states === undefined };
}

/** Errors of a check, saying which clip they are of. */
function ofClip<Result>(clip: number, check: () => Result): Result {
  try {
    return check();
  } catch (cause) {
    if (!AidError.isInstance(cause)) throw cause;
    throw new AidError(cause.code, `clip ${clip}: ${cause.message}`, { cause });
  }
}

export async function* rollout(
  imagine: (request: ImagineRequest) => AsyncGenerator<ImagineEvent, void, undefined>,
  request: RolloutRequest,
  { clips, overlapFrames, sharesStates }: ResolvedRollout,
): AsyncGenerator<RolloutEvent, void, undefined> {
  const frames: Frame[] = [];
  const reports: ClipReport[] = [];
  let given = request.frames;
  for (const [clip, plan] of clips.entries()) {
    const { instruction, seed } = plan;
    const asked = { ...clipRequest(request), frames: given, instruction, seed };
    const states = sharesStates ? promptOf(reports[0]) : plan.states;
    let ended: EndEvent | undefined;
    for await (const event of imagine(states === undefined ? asked : { ...asked, states })) {
      if (event.kind === 'step') yield { ...event, clip, clips: clips.length };
      if (event.kind === 'frame' && (clip === 0 || event.index >= overlapFrames)) {
        yield { kind: 'frame', clip, index: frames.push(event.frame) - 1, frame: event.frame };
      }
      if (event.kind === 'end') ended = event;
    }
    if (ended === undefined) throw new AidError('engine-failed', `clip ${clip}: expected it to end`);
    given = ended.frames.slice(-overlapFrames);
    reports.push(ended.report);
    yield { kind: 'clip', clip, clips: clips.length, report: ended.report };
  }
  yield { kind: 'end', frames, reports };
}

function clipRequest({
  instruction: _instruction,
  states: _states,
  numClips: _numClips,
  overlapFrames: _overlapFrames,
  ...rest
}: RolloutRequest): Omit<ImagineRequest, 'instruction' | 'states'> {
  return rest;
}

/** The states of a clip, with all that is known of them. */
function promptOf(report: ClipReport | undefined): StatePrompt | undefined {
  if (report === undefined) return undefined;
  const { states, statesWrittenBy: writtenBy, statesPrompt: prompt, deadline } = report;
  const late = deadline?.gaveUp.find(({ what }) => what === 'statePrompter');
  const fallbackReason = report.statesFallbackReason ?? (late && `${late.asked} had no time left`);
  return {
    states,
    writtenBy,
    ...(prompt === undefined ? {} : { prompt }),
    ...(fallbackReason === undefined ? {} : { fallbackReason }),
  };
}
