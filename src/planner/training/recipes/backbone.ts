/** The backbone recipe: trains SVD's image-to-video UNet and the small vision tower that conditions it. */
import { join } from 'node:path';
import { z } from 'zod';
import { CLIP_MEAN, CLIP_STD, type ClipPreprocessor } from '../../conditioning/preprocessor.js';
import { COMPONENTS, svdConditionTokens } from '../../models/aid.js';
import { type ClipVisionConfig, clipVisionConfig } from '../../models/clip/config.js';
import { tokensCondition } from '../../models/unet/condition.js';
import { unetConfig } from '../../models/unet/config.js';
import { unet } from '../../models/unet/unet.js';
import { Graph } from '../../onnx/graph.js';
import { Scope } from '../../onnx/scope.js';
import { clipBatch } from '../data/clip-batches.js';
import type { Recipe } from '../recipe.js';
import { trainingGraph } from '../training-graph.js';
import { writeComponent, writeJson } from './component-files.js';
import {
  addedTimeIds,
  checkNumGivenFrames,
  type DenoisingRun,
  denoisingConfig,
  denoisingGraph,
} from './denoising.js';
import type { FrameCondition } from './frame-condition.js';
import { FrozenParts } from './frozen-parts.js';
import { allTensors } from './networks.js';

export const backboneRecipeConfig = z
  .object({
    recipe: z.literal('backbone'),
    ...denoisingConfig,
    unet: unetConfig,
    image_encoder: clipVisionConfig,
    /** SVD repeats the first frame's latents at every frame. An adaptation has to do the same. */
    fill: z.enum(['zeros', 'repeat']).default('repeat'),
    /** Ours, see `aid/config.json`. An adaptation has to have the same. */
    data_mean: z.enum(['zero', 'frame']).default('zero'),
  })
  .superRefine(checkNumGivenFrames);
export type BackboneRecipeConfig = z.infer<typeof backboneRecipeConfig>;

export function backboneRecipe(
  config: BackboneRecipeConfig,
  { seed, base, data, parts = 1 }: DenoisingRun,
): Recipe {
  const { clipsPerRun, numFrames, image_encoder: vision } = config;
  const batch = clipsPerRun / parts;
  const graph = new Graph('backbone-training');
  const root = new Scope(graph);
  const pixels = graph.input('clip_pixels', 'float32', [batch, 3, vision.image_size, vision.image_size]);
  const given = graph.input('frame_given', 'float32', [batch]);
  const timeIds = graph.input('added_time_ids', 'float32', [batch, 3]);
  const condition = tokensCondition(svdConditionTokens(root, pixels, given, vision));
  const loss = denoisingGraph(graph, [batch, numFrames, ...data.latentDims], config, (sample, timestep) =>
    unet(root.at(COMPONENTS.unet), { sample, timestep, addedTimeIds: timeIds, condition }, config.unet),
  );
  const batches = {
    ...config,
    files: data.files,
    seed,
    batchSize: clipsPerRun,
    scalingFactor: data.scalingFactor,
    dataMean: config.data_mean,
  };
  // The rest of a base that has more was made for another backbone.
  const frozen = new FrozenParts(base, [COMPONENTS.vae], 'copy');
  return {
    training: trainingGraph(loss, {}, () => true),
    clipsPerRun,
    parts,
    // Only the networks that are trained; the base may hold others.
    weights: new Map([...allTensors(base)].filter(([key]) => graph.parameters.has(key))),
    sources: data.sources,
    async batch(index) {
      const { denoising, clipPixels, frameGiven } = clipBatch(index, batches);
      return {
        ...denoising,
        clip_pixels: clipPixels,
        frame_given: frameGiven,
        added_time_ids: addedTimeIds(config, clipsPerRun),
      };
    },
    async save(folder, trained, { previous }) {
      await frozen.put(folder, previous);
      await writeComponent(join(folder, COMPONENTS.unet), COMPONENTS.unet, trained, {
        _class_name: 'UNetSpatioTemporalConditionModel',
        ...config.unet,
        aid: { fill: config.fill, data_mean: config.data_mean } satisfies FrameCondition,
      });
      await writeVisionTower(folder, trained, vision);
      const { imageSize, mean, std } = preprocessorOf(config);
      await writeJson(join(folder, 'feature_extractor', 'preprocessor_config.json'), {
        feature_extractor_type: 'CLIPImageProcessor',
        size: imageSize,
        crop_size: imageSize,
        image_mean: mean,
        image_std: std,
      });
    },
  };
}

/** What a vision tower that is trained from nothing sees: the whole frame at its size, CLIP's colours. */
export function preprocessorOf({ image_encoder: vision }: BackboneRecipeConfig): ClipPreprocessor {
  return { imageSize: vision.image_size, shortestEdge: vision.image_size, mean: CLIP_MEAN, std: CLIP_STD };
}

export async function writeVisionTower(
  folder: string,
  trained: Parameters<Recipe['save']>[1],
  vision: ClipVisionConfig,
): Promise<void> {
  await writeComponent(
    join(folder, COMPONENTS.imageEncoder),
    COMPONENTS.imageEncoder,
    trained,
    { architectures: ['CLIPVisionModelWithProjection'], model_type: 'clip_vision_model', ...vision },
    'model.safetensors',
  );
}
