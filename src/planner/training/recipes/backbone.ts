/** The backbone recipe: trains SVD's image-to-video UNet and the small vision tower that conditions it. */
import { join } from 'node:path';
import { z } from 'zod';
import { CLIP_MEAN, CLIP_STD, type ClipPreprocessor } from '../../conditioning/preprocessor.js';
import { AidError } from '../../errors.js';
import { COMPONENTS, svdConditionTokens } from '../../models/aid.js';
import { type ClipVisionConfig, clipVisionConfig } from '../../models/clip/config.js';
import { tokensCondition } from '../../models/unet/condition.js';
import { unetConfig } from '../../models/unet/config.js';
import { unet } from '../../models/unet/unet.js';
import { Graph } from '../../onnx/graph.js';
import { Scope } from '../../onnx/scope.js';
import { configOf } from '../../weights/model-component.js';
import type { ModelFolder } from '../../weights/model-folder.js';
import { clipBatch } from '../data/clip-batches.js';
import type { Recipe } from '../recipe.js';
import { trainingGraph } from '../training-graph.js';
import { disagreements } from './agreement.js';
import { writeComponent, writeJson } from './component-files.js';
import {
  addedTimeIds,
  checkNumGivenFrames,
  type DenoisingRecipe,
  type DenoisingRun,
  denoisingConfig,
  denoisingGraph,
  type LatentData,
} from './denoising.js';
import { type FrameCondition, frameConditionOf } from './frame-condition.js';
import { FrozenParts } from './frozen-parts.js';
import { allTensors, componentOf } from './networks.js';

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
  { seed, base, vae, parts = 1 }: DenoisingRun,
): DenoisingRecipe<LatentData> {
  checkBackbone(config, base);
  const { clipsPerRun, numFrames, image_encoder: vision } = config;
  const batch = clipsPerRun / parts;
  const graph = new Graph('backbone-training');
  const root = new Scope(graph);
  const pixels = graph.input('clip_pixels', 'float32', [batch, 3, vision.image_size, vision.image_size]);
  const given = graph.input('frame_given', 'float32', [batch]);
  const timeIds = graph.input('added_time_ids', 'float32', [batch, 3]);
  const condition = tokensCondition(svdConditionTokens(root, pixels, given, vision));
  const loss = denoisingGraph(graph, [batch, numFrames, ...vae.latentDims], config, (sample, timestep) =>
    unet(root.at(COMPONENTS.unet), { sample, timestep, addedTimeIds: timeIds, condition }, config.unet),
  );
  const batches = {
    ...config,
    seed,
    batchSize: clipsPerRun,
    scalingFactor: vae.config.scaling_factor,
    dataMean: config.data_mean,
  };
  // The rest of a base that has more was made for another backbone.
  const frozen = new FrozenParts(base, [COMPONENTS.vae], 'copy');
  const training = trainingGraph(loss, {}, () => true);
  // Only the networks that are trained; the base may hold others.
  const weights = new Map([...allTensors(base)].filter(([key]) => graph.parameters.has(key)));
  const withData = ({ files, sources }: LatentData): Recipe => ({
    training,
    clipsPerRun,
    parts,
    weights,
    sources,
    async batch(index) {
      const { denoising, clipPixels, frameGiven } = clipBatch(index, { ...batches, files });
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
  });
  return { training, weights, withData };
}

/** What would show in the losses alone. Errors: `invalid-config`. */
function checkBackbone(
  { unet, image_encoder, fill, data_mean }: BackboneRecipeConfig,
  base: ModelFolder,
): void {
  const [backbone, vision] = [COMPONENTS.unet, COMPONENTS.imageEncoder].map((name) =>
    componentOf(base, name),
  );
  const begun = frameConditionOf(base);
  const problems: string[] = [];
  if (backbone !== undefined) {
    // Of clips, not of the network.
    const { num_frames: _, ...trained } = configOf(unetConfig, backbone);
    const { num_frames: _frames, ...network } = unet;
    problems.push(...disagreements('unet', network, base.path, trained));
  }
  if (vision !== undefined) {
    const trained = configOf(clipVisionConfig, vision);
    problems.push(...disagreements('image_encoder', image_encoder, base.path, trained));
  }
  if (begun !== undefined) problems.push(...disagreements('', { fill, data_mean }, base.path, begun));
  if (problems.length > 0) throw new AidError('invalid-config', problems.join('; '));
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
