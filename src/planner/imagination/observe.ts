/** Given frames as the networks see them. */
import { decodeFrame } from '../conditioning/frame.js';
import { clipPixels, frameToPixels } from '../conditioning/image-tensors.js';
import { AidError, throwIfAborted } from '../errors.js';
import { checkGivenFrames, type GivenFrame, isFrame } from './given-frames.js';
import { augmented } from './noise-augmentation.js';
import { Observation } from './observation.js';
import type { Stages } from './stages.js';

export interface ObserveOptions {
  /** Gives up runs that the engine was not given yet, and those that a server computes. */
  readonly abortSignal?: AbortSignal | undefined;
}

/**
 * Encodes given frames, files or encoded pictures. Errors: `invalid-image`, `invalid-argument`, `engine-failed`,
 * `aborted`.
 */
export async function observe(
  planner: Stages,
  frames: readonly GivenFrame[],
  { abortSignal }: ObserveOptions = {},
): Promise<Observation> {
  checkGivenFrames(frames);
  throwIfAborted(abortSignal);
  const stages = abortSignal === undefined ? planner : planner.until(abortSignal);
  const given = await Promise.all(frames.map((each) => (isFrame(each) ? each : decodeFrame(each))));
  const [first] = given;
  if (first === undefined) throw new AidError('invalid-argument', 'frames: expected at least one');
  const { aid, preprocessor } = stages.networks;
  const { width, height, noise_augmentation: noise } = aid.video;
  const pixels = await Promise.all(
    given.map((frame) => frameToPixels(frame, { width, height, fit: 'cover' })),
  );
  const seen = await clipPixels(first, { ...preprocessor, resize: 'svd' });
  const latents: Float32Array[] = [];
  for (const [place, image] of pixels.entries())
    latents.push(await stages.encode(await augmented(image, noise, place)));
  return new Observation(given, latents, await stages.see(seen));
}
