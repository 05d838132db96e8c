/**
 * The adapt recipe, which is AID (arXiv 2406.06465, sec. 3): the backbone is frozen, and DQFormer, the adapters
 * and every `attn2` are trained. `train` widens or narrows that choice.
 */
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { templateStates } from '../../conditioning/template-state-prompter.js';
import type { Tokenizer } from '../../conditioning/tokenizer.js';
import { AidError } from '../../errors.js';
import { COMPONENTS, conditionTokens } from '../../models/aid.js';
import { adapterConfigOf, aidConfig } from '../../models/aid-config.js';
import { clipTextConfig, clipVisionConfig } from '../../models/clip/config.js';
import { tokensCondition } from '../../models/unet/condition.js';
import { unetConfig } from '../../models/unet/config.js';
import { unet } from '../../models/unet/unet.js';
import { Graph } from '../../onnx/graph.js';
import { Scope } from '../../onnx/scope.js';
import { type Int64Tensor, int64Tensor } from '../../runtime/tensor.js';
import { clipBatch } from '../data/clip-batches.js';
import type { Recipe, TrainedValues } from '../recipe.js';
import { trainingGraph } from '../training-graph.js';
import { writeComponent, writeJson } from './component-files.js';
import { addedTimeIds, denoisingConfig, denoisingGraph, type LatentData } from './denoising.js';
import { allTensors, componentOf, configOf } from './networks.js';

export const adaptRecipeConfig = z.object({
  recipe: z.literal('adapt'),
  ...denoisingConfig,
  aid: aidConfig,
  /** Only where the base has no text tower: one that is trained from nothing. */
  text_encoder: clipTextConfig.partial({ vocab_size: true, eos_token_id: true }).optional(),
  /** Only where the base has no tokenizer: the words of one that is made, see `writeWordTokenizer`. */
  words: z.array(z.string()).optional(),
  /** What is trained besides DQFormer, adapters and `attn2`: whole components, by name. */
  train: z.array(z.enum(['unet', 'text_encoder', 'image_encoder'])).default([]),
});
export type AdaptRecipeConfig = z.infer<typeof adaptRecipeConfig>;

const ADAPTED = /^dqformer\.|^unet\..*(_adapter\.|\.attn2\.)/;

export function adaptRecipe(
  config: AdaptRecipeConfig,
  seed: number,
  data: LatentData,
  tokenizer: Tokenizer,
): Recipe {
  const { clipsPerRun: batch, numFrames, base, aid } = config;
  const unetComponent = componentOf(base, COMPONENTS.unet);
  const visionComponent = componentOf(base, COMPONENTS.imageEncoder);
  const textComponent = componentOf(base, COMPONENTS.textEncoder);
  if (unetComponent === undefined || visionComponent === undefined) {
    throw new AidError('invalid-model-folder', `${base}: expected unet/ and image_encoder/ to adapt`);
  }
  const backbone = configOf(unetConfig, unetComponent);
  const vision = configOf(clipVisionConfig, visionComponent);
  const text =
    textComponent !== undefined
      ? configOf(clipTextConfig, textComponent)
      : clipTextConfig.parse({
          ...config.text_encoder,
          vocab_size: tokenizer.vocabSize,
          eos_token_id: tokenizer.endTokenId,
        });

  const graph = new Graph('adapt-training');
  const root = new Scope(graph);
  const texts = 1 + aid.num_states;
  const tokens = conditionTokens(
    root,
    {
      textIds: graph.input('text_ids', 'int64', [batch, texts, aid.text_length]),
      clipPixels: graph.input('clip_pixels', 'float32', [batch, 3, vision.image_size, vision.image_size]),
      frameGiven: graph.input('frame_given', 'float32', [batch]),
    },
    aid,
    text,
    vision,
  );
  const timeIds = graph.input('added_time_ids', 'float32', [batch, 3]);
  const condition = tokensCondition(tokens);
  const loss = denoisingGraph(graph, [batch, numFrames, ...data.latentDims], (sample, timestep) =>
    unet(
      root.at(COMPONENTS.unet),
      { sample, timestep, addedTimeIds: timeIds, condition },
      backbone,
      adapterConfigOf(aid),
    ),
  );
  const whole: readonly string[] = config.train;
  const isTrained = (key: string): boolean => ADAPTED.test(key) || whole.includes(key.split('.')[0] ?? '');
  const batches = {
    ...config,
    files: data.files,
    seed,
    batchSize: batch,
    scalingFactor: data.scalingFactor,
    fill: aid.fill,
  };
  return {
    training: trainingGraph(loss, {}, isTrained),
    clipsPerRun: batch,
    weights: allTensors(base),
    async batch(index) {
      const { denoising, clipPixels, frameGiven, instructions } = clipBatch(index, batches);
      return {
        ...denoising,
        clip_pixels: clipPixels,
        frame_given: frameGiven,
        added_time_ids: addedTimeIds(config, batch),
        text_ids: textIds(instructions, tokenizer, aid.text_length, aid.num_states),
      };
    },
    async save(folder, trained) {
      for (const name of [
        COMPONENTS.vae,
        COMPONENTS.unet,
        COMPONENTS.imageEncoder,
        COMPONENTS.textEncoder,
        'tokenizer',
        'feature_extractor',
      ]) {
        if (existsSync(join(base, name))) cpSync(join(base, name), join(folder, name), { recursive: true });
      }
      await saveAdapted(folder, trained, config);
      if (whole.includes(COMPONENTS.textEncoder)) {
        const named = { architectures: ['CLIPTextModel'], model_type: 'clip_text_model', ...text };
        await writeComponent(
          join(folder, COMPONENTS.textEncoder),
          COMPONENTS.textEncoder,
          trained,
          named,
          'model.safetensors',
        );
      }
      if (whole.includes(COMPONENTS.imageEncoder)) {
        const { config: named } = visionComponent;
        await writeComponent(
          join(folder, COMPONENTS.imageEncoder),
          COMPONENTS.imageEncoder,
          trained,
          named,
          'model.safetensors',
        );
      }
      if (whole.includes(COMPONENTS.unet)) {
        const rest = new Map([...trained].filter(([key]) => !/_adapter\./.test(key)));
        await writeComponent(join(folder, COMPONENTS.unet), COMPONENTS.unet, rest, unetComponent.config);
      }
    },
  };
}

/** `aid/`: the trained tensors that are AID's own, under their components' prefixes, and its config. */
async function saveAdapted(folder: string, trained: TrainedValues, config: AdaptRecipeConfig): Promise<void> {
  const own = new Map(
    [...trained].filter(([key]) => ADAPTED.test(key)).map(([key, value]) => [`aid.${key}`, value]),
  );
  await writeComponent(join(folder, 'aid'), 'aid', own, config.aid, 'model.safetensors');
  await writeJson(join(folder, 'model_index.json'), {
    _class_name: 'AidPipeline',
    aid: { numFrames: config.numFrames },
  });
}

/** Token ids of each instruction and its state texts, [B, 1 + S, L]. A dropped text is empty, its states too. */
export function textIds(
  instructions: readonly string[],
  tokenizer: Tokenizer,
  length: number,
  numStates: number,
): Int64Tensor {
  const texts = instructions.flatMap((instruction) => [
    instruction,
    ...(instruction === '' ? Array.from({ length: numStates }, () => '') : templateStates(instruction)),
  ]);
  const ids = new BigInt64Array(texts.length * length);
  texts.forEach((text, i) => {
    ids.set(tokenizer.encode(text, { length }).inputIds, i * length);
  });
  return int64Tensor([instructions.length, 1 + numStates, length], ids);
}
