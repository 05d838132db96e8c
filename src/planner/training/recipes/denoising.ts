/** What the backbone and the adapt recipes share: data, noise, and the denoising loss. */
import { z } from 'zod';
import type { Graph, Value } from '../../onnx/graph.js';
import { type FloatTensor, floatTensor } from '../../runtime/tensor.js';
import type { ModelFolder } from '../../weights/model-folder.js';
import { dataConfig } from '../data/data-config.js';
import { denoisingLoss } from '../denoising-loss.js';
import type { Recipe } from '../recipe.js';
import type { BaseAutoencoder } from './base-autoencoder.js';

export const denoisingConfig = {
  data: dataConfig,
  /** Folder that keeps the clips' latents, of any number of data sets; `.latents` in the data's unless said otherwise. */
  latents: z.string().optional(),
  /** A model folder with the networks that this run starts from: always `vae`, for `adapt` also the backbone. */
  base: z.string(),
  /** Pixels. */
  frame: z.object({ width: z.int().positive(), height: z.int().positive() }),
  /** Of a clip; `clipLength` says how many where the config file does not. */
  numFrames: z.int().positive(),
  /** Frames at the start of a clip that the model is given: 1 unless said otherwise, or drawn from these. */
  givenFrames: z.union([z.int().positive(), z.array(z.int().positive()).min(1)]).optional(),
  clipsPerRun: z.int().positive().default(8),
  sigma: z
    .object({ mean: z.number(), deviation: z.number().positive() })
    .default({ mean: 0.3, deviation: 1.4 }),
  dropout: z
    .object({
      text: z.number().min(0).max(1),
      frame: z.number().min(0).max(1),
      both: z.number().min(0).max(1),
    })
    .refine(({ text, frame, both }) => text + frame + both <= 1, 'expected shares that sum to at most 1')
    .default({ text: 0.05, frame: 0.05, both: 0.05 }),
  /**
   * How much the last frame's error counts beside another frame's. What a command changes lasts until then, while the
   * arm, which fills most of what moves in the frames between, has gone.
   */
  lastFrameWeight: z.number().positive().default(1),
  /**
   * Of the training videos: SVD's time ids are this minus one, the motion bucket and the noise augmentation. For
   * `adapt` the same as in `aid.video`.
   */
  framesPerSecond: z.int().positive().default(7),
  motionBucketId: z.int().nonnegative().default(127),
};

/** A model that is given all frames has none to imagine. For the `superRefine` of a config with `denoisingConfig`. */
export function checkNumGivenFrames(
  config: { readonly numFrames: number; readonly givenFrames?: number | readonly number[] | undefined },
  context: z.RefinementCtx,
): void {
  const { numFrames, givenFrames = 1 } = config;
  const most = Math.max(...[givenFrames].flat());
  if (most >= numFrames)
    context.addIssue({
      code: 'custom',
      path: ['givenFrames'],
      message: `expected fewer than numFrames, ${numFrames}, got ${most}`,
    });
}

/** Inputs and loss of a denoising network; `network` gets the scaled sample and c_noise. */
export function denoisingGraph(
  graph: Graph,
  dims: readonly [batch: number, frames: number, channels: number, height: number, width: number],
  { lastFrameWeight }: { readonly lastFrameWeight: number },
  network: (sample: Value, cNoise: Value) => Value,
): Value {
  const [, frames] = dims;
  return denoisingLoss(
    {
      clean: graph.input('clean', 'float32', dims),
      noise: graph.input('noise', 'float32', dims),
      sigma: graph.input('sigma', 'float32', [dims[0]]),
      frameLatents: graph.input('frame_latents', 'float32', dims),
      ...(lastFrameWeight === 1
        ? {}
        : {
            frameWeights: Array.from({ length: frames }, (_, i) => (i === frames - 1 ? lastFrameWeight : 1)),
          }),
    },
    network,
  ).loss;
}

/** The cached clips that a run trains on. */
export interface LatentData {
  readonly files: readonly string[];
  /** Of each file. */
  readonly instructions: readonly string[];
  /** See `Recipe`. */
  readonly sources: Readonly<Record<string, string>>;
}

/** What a recipe of a denoising network gets besides its config. */
export interface DenoisingRun {
  readonly seed: number;
  /** The config's base, opened once. */
  readonly base: ModelFolder;
  readonly vae: Pick<BaseAutoencoder, 'config' | 'latentDims'>;
  /** See `Recipe`; 1 unless said otherwise. */
  readonly parts?: number;
}

/** A recipe without its clips: all that can be wrong with it shows before they are encoded, which may take hours. */
export interface DenoisingRecipe<Data extends LatentData> extends Pick<Recipe, 'training' | 'weights'> {
  withData(data: Data): Recipe;
}

/** fps - 1, motion bucket and noise augmentation of every clip, [B, 3]. */
export function addedTimeIds(
  {
    framesPerSecond,
    motionBucketId,
    noiseAugmentation = 0,
  }: {
    readonly framesPerSecond: number;
    readonly motionBucketId: number;
    readonly noiseAugmentation?: number;
  },
  batch: number,
): FloatTensor {
  const ids = Array.from({ length: batch }, () => [framesPerSecond - 1, motionBucketId, noiseAugmentation]);
  return floatTensor([batch, 3], Float32Array.from(ids.flat()));
}
