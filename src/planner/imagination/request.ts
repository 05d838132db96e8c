/** What a caller asks for, checked and completed with the model's defaults. */
import { randomInt } from 'node:crypto';
import type { Frame } from '../conditioning/frame.js';
import { checkInstruction } from '../conditioning/instruction.js';
import type { StateTexts } from '../conditioning/state-prompter.js';
import type { SamplerName } from '../diffusion/samplers.js';
import { AidError } from '../errors.js';
import { spatialFactor } from '../models/autoencoder/config.js';
import type { Networks } from './networks.js';
import type { Observation } from './observation.js';

/** How many times smaller previews are on each side. */
export type PreviewDownscale = 1 | 2 | 4;

export interface ImagineRequest {
  /**
   * The given frames in order of time, the camera's latest last; or an observation, which several requests may
   * share. Files (path or bytes) are decoded.
   */
  readonly frames: readonly (Frame | string | Uint8Array)[] | Observation;
  readonly instruction: string;
  /** State texts instead of the state prompter's. */
  readonly states?: StateTexts;
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
   * it measured of itself, and the report says what was given up. The clip is never later than one denoising step,
   * or it ends with a `DeadlineExceededError`, which holds the best preview so far. In long video: of each clip.
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

const MAX_STEPS = 1000;
const PREVIEW_DOWNSCALES = [1, 2, 4] as const satisfies PreviewDownscale[];

/** Errors: `invalid-argument`. */
export function resolveRequest(
  request: Omit<ImagineRequest, 'frames'>,
  { aid, tokenizer, vae }: Networks,
): ResolvedRequest {
  const { text: instruction } = checkInstruction(request.instruction);
  const modelFrames = aid.dqformer.num_frames;
  const { seed = randomInt(2 ** 48 - 1), numFrames = modelFrames, previewFrames = [], preset } = request;
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
  for (const frame of previewFrames) whole('previewFrames', frame, 0, numFrames - 1);
  const changes = preset === undefined ? {} : aid.presets[preset];
  if (changes === undefined) {
    const known = Object.keys(aid.presets).join(', ') || 'none';
    throw new AidError('invalid-argument', `preset: the model has no ${preset}; it has ${known}`);
  }
  const base = { ...aid.sampling, ...changes };
  const sampling: Sampling = {
    sampler: request.sampler ?? base.sampler,
    numInferenceSteps: request.numInferenceSteps ?? sigmas?.length ?? base.num_inference_steps,
    sigmaMin: base.sigma_min,
    sigmaMax: base.sigma_max,
    rho: base.rho,
    frameGuidance: request.frameGuidance ?? base.frame_guidance,
    textGuidance: request.textGuidance ?? base.text_guidance,
  };
  whole('numInferenceSteps', sampling.numInferenceSteps, 1, MAX_STEPS);
  if (sigmas !== undefined) checkSigmas(sigmas, sampling.numInferenceSteps);
  const { tokenCount, truncated } = tokenizer.encode(instruction, { length: aid.text_length });
  const unknown = tokenizer.unknownWords(instruction);
  const warnings = [
    ...(truncated
      ? [`the instruction has ${tokenCount} tokens; the model reads the first ${aid.text_length}`]
      : []),
    ...(unknown.length > 0
      ? [`words that the model was never trained on: ${unknown.slice(0, 20).join(', ')}`]
      : []),
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
