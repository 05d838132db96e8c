/** What a caller asks for, checked and completed with the model's defaults. */
import { checkAbortSignal } from '../abort-signal.js';
import { checkInstruction } from '../conditioning/instruction.js';
import type { StatePrompt, StateTexts } from '../conditioning/state-prompter.js';
import { type SamplerName, samplers } from '../diffusion/samplers.js';
import { drawnSeed } from '../drawn-seed.js';
import { AidError, kindOf } from '../errors.js';
import { type AidConfig, MAX_GUIDANCE, MAX_INFERENCE_STEPS } from '../models/aid-config.js';
import { spatialFactor } from '../models/autoencoder/config.js';
import { checkGivenFrames, type GivenFrame } from './given-frames.js';
import { checkGivenCount } from './image-latents.js';
import type { Networks } from './networks.js';
import { Observation } from './observation.js';
import { instructionWarnings } from './text-warnings.js';
import { checkedStates } from './written-states.js';

/** How many times smaller previews are on each side. */
export type PreviewDownscale = 1 | 2 | 4;

export interface ImagineRequest {
  /**
   * The given frames in order of time, the camera's latest last; or an observation, which several requests may
   * share, also one that is still being made. Files (path or bytes) are decoded.
   */
  readonly frames: readonly GivenFrame[] | Observation | Promise<Observation>;
  readonly instruction: string;
  /** State texts instead of the state prompter's; or what `writeStates` gives, which several requests may share. */
  readonly states?: StateTexts | StatePrompt | Promise<StatePrompt>;
  /** Drawn, and told, when absent. A whole number from 0 to 2^53 - 1. */
  readonly seed?: number;
  /** Frames of the clip, the given ones included; the model's own number when absent. */
  readonly numFrames?: number;
  readonly numInferenceSteps?: number;
  /**
   * The noise levels to visit, one for each step and falling, instead of those that the model spaces; as a report
   * tells them.
   */
  readonly sigmas?: readonly number[];
  readonly sampler?: SamplerName;
  /** Scales of Eq. 8. */
  readonly frameGuidance?: number;
  readonly textGuidance?: number;
  /** A named set of the model's sampling settings, such as `fast`; what is given beside it counts more. */
  readonly preset?: string;
  /** Frames to show at every step as they would be if the noise were removed at once. */
  readonly previewFrames?: readonly number[];
  /** How many times smaller than the clip previews are on each side, 1 unless said otherwise. */
  readonly previewDownscale?: PreviewDownscale;
  /**
   * Milliseconds that the clip may take. The planner then chooses steps, branches of guidance and previews by what
   * it measured of itself, and the report says what was given up. The end of the clip comes one denoising step after
   * the deadline at the latest, or by then a `DeadlineExceededError`, which holds the best preview so far; the time
   * for which the caller keeps the last event before it is the caller's own. In long video: of each clip.
   */
  readonly deadlineMs?: number;
  readonly abortSignal?: AbortSignal;
}

export interface Sampling {
  readonly sampler: SamplerName;
  readonly numInferenceSteps: number;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  readonly rho: number;
  readonly frameGuidance: number;
  readonly textGuidance: number;
}

/** A request in which nothing is left open. */
export interface ResolvedRequest {
  readonly instruction: string;
  readonly seed: number;
  readonly numFrames: number;
  readonly sampling: Sampling;
  /** Where the caller gave them. */
  readonly sigmas: readonly number[] | undefined;
  readonly previewFrames: readonly number[];
  readonly previewDownscale: PreviewDownscale;
  /** Those that this model's latents can be divided by. */
  readonly downscales: readonly PreviewDownscale[];
  readonly deadlineMs: number | undefined;
  readonly warnings: readonly string[];
}

const PREVIEW_DOWNSCALES = [1, 2, 4] as const satisfies PreviewDownscale[];

/** Errors: `invalid-argument`; `invalid-image` for a frame that is none. */
export function resolveRequest(request: ImagineRequest, networks: Networks): ResolvedRequest {
  checkIsRequest(request);
  heedPending(request);
  const { frames } = request;
  checkFrames(frames);
  const resolved = resolveSettings(request, networks);
  if (!isPending(frames))
    checkGivenCount(Observation.isInstance(frames) ? frames.frames : frames, resolved.numFrames);
  return resolved;
}

/** Errors: `invalid-argument`; `invalid-image` for a frame that is none. */
export function checkFrames(frames: ImagineRequest['frames']): void {
  if (!isObserved(frames)) checkGivenFrames(frames);
}

/** Whether they have been looked at, or are just being. */
export function isObserved(frames: ImagineRequest['frames']): frames is Observation | Promise<Observation> {
  return Observation.isInstance(frames) || isPending(frames);
}

/** The same of a request whose frames are still to come. Errors: `invalid-argument`. */
export function resolveSettings(
  request: Omit<ImagineRequest, 'frames'>,
  networks: Networks,
): ResolvedRequest {
  checkIsRequest(request);
  const { states, abortSignal } = request;
  if (states !== undefined && !isPending(states)) checkedStates(states);
  checkAbortSignal(abortSignal);
  const { aid, vae } = networks;
  const instruction = checkInstruction(request.instruction);
  const modelFrames = aid.dqformer.num_frames;
  const { seed = drawnSeed(), numFrames = modelFrames, previewFrames = [], preset } = request;
  whole('seed', seed, 0, Number.MAX_SAFE_INTEGER);
  whole('numFrames', numFrames, 1, modelFrames);
  const { previewDownscale = 1, deadlineMs, sigmas } = request;
  const downscales = downscalesOf({ aid, vae });
  if (!downscales.includes(previewDownscale))
    throw new AidError(
      'invalid-argument',
      `previewDownscale: expected ${downscales.join(', ')}, got ${previewDownscale}`,
    );
  if (deadlineMs !== undefined && !(deadlineMs > 0 && Number.isFinite(deadlineMs)))
    throw new AidError('invalid-argument', `deadlineMs: expected a positive number, got ${deadlineMs}`);
  for (const [name, list] of Object.entries({ previewFrames, sigmas }))
    if (list !== undefined && !Array.isArray(list))
      throw new AidError('invalid-argument', `${name}: expected a list of numbers, got ${kindOf(list)}`);
  for (const frame of previewFrames) whole('previewFrames', frame, 0, numFrames - 1);
  const base = { ...aid.sampling, ...(preset === undefined ? {} : presetOf(aid, preset)) };
  const sampling: Sampling = {
    sampler: request.sampler ?? base.sampler,
    numInferenceSteps: request.numInferenceSteps ?? sigmas?.length ?? base.num_inference_steps,
    sigmaMin: base.sigma_min,
    sigmaMax: base.sigma_max,
    rho: base.rho,
    frameGuidance: request.frameGuidance ?? base.frame_guidance,
    textGuidance: request.textGuidance ?? base.text_guidance,
  };
  whole('numInferenceSteps', sampling.numInferenceSteps, 1, MAX_INFERENCE_STEPS);
  if (!Object.hasOwn(samplers, sampling.sampler))
    throw new AidError(
      'invalid-argument',
      `sampler: expected one of ${Object.keys(samplers).join(', ')}, got ${sampling.sampler}`,
    );
  checkGuidance('frameGuidance', sampling.frameGuidance);
  checkGuidance('textGuidance', sampling.textGuidance);
  if (sigmas !== undefined) checkSigmas(sigmas, sampling.numInferenceSteps);
  const warnings = [
    ...instructionWarnings(instruction, networks),
    ...(numFrames < modelFrames ? [`${numFrames} frames asked of a model trained on ${modelFrames}`] : []),
  ];
  return {
    instruction,
    seed,
    numFrames,
    sampling,
    sigmas,
    previewFrames,
    previewDownscale,
    downscales,
    deadlineMs,
    warnings,
  };
}

function presetOf({ presets }: AidConfig, name: string): AidConfig['presets'][string] {
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (preset !== undefined) return preset;
  const known = Object.keys(presets).join(', ') || 'none';
  throw new AidError('invalid-argument', `preset: the model has no ${name}; it has ${known}`);
}

/** Errors: `invalid-argument`. */
export function checkIsRequest(request: object): void {
  if (typeof request !== 'object' || request === null)
    throw new AidError('invalid-argument', `request: expected an object, got ${kindOf(request)}`);
}

/** Whether a value of a request is still to come. */
export function isPending(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/**
 * A clip tells what became of those of its values that are still to come; one that ended for another reason has no use
 * for them, and nobody else may be listening.
 */
function heedPending({ frames, states }: Pick<ImagineRequest, 'frames' | 'states'>): void {
  for (const value of [frames, states]) if (isPending(value)) value.then(undefined, () => undefined);
}

function checkGuidance(name: string, scale: number): void {
  if (typeof scale === 'number' && Math.abs(scale) <= MAX_GUIDANCE) return;
  throw new AidError(
    'invalid-argument',
    `${name}: expected a number from ${-MAX_GUIDANCE} to ${MAX_GUIDANCE}, got ${scale}`,
  );
}

function checkSigmas(sigmas: readonly number[], numInferenceSteps: number): void {
  if (sigmas.length !== numInferenceSteps)
    throw new AidError(
      'invalid-argument',
      `sigmas: expected one for each of ${numInferenceSteps} steps, got ${sigmas.length}`,
    );
  const wrong = sigmas.findIndex(
    (sigma, i) => !(sigma > 0 && sigma < (sigmas[i - 1] ?? Number.POSITIVE_INFINITY)),
  );
  if (wrong >= 0)
    throw new AidError(
      'invalid-argument',
      `sigmas: expected positive numbers that fall, got ${sigmas[wrong]} at place ${wrong}`,
    );
}

/** Those that the latents of this model's pictures can be divided by. */
export function downscalesOf({ aid, vae }: Pick<Networks, 'aid' | 'vae'>): PreviewDownscale[] {
  const factor = spatialFactor(vae);
  const sides = [aid.video.width, aid.video.height];
  return PREVIEW_DOWNSCALES.filter((downscale) => sides.every((side) => side % (factor * downscale) === 0));
}

/** Errors: `invalid-argument`. */
export function whole(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new AidError(
      'invalid-argument',
      `${name}: expected a whole number from ${low} to ${high}, got ${value}`,
    );
  }
}
