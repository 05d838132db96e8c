/**
 * The adapt recipe, which is AID (arXiv 2406.06465, sec. 3): the backbone is frozen, and DQFormer, the adapters
 * and every `attn2` are trained. `train` widens or narrows that choice.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { Tokenizer } from '../../conditioning/tokenizer.js';
import type { WordList } from '../../conditioning/word-list.js';
import { writeWordTokenizer } from '../../conditioning/word-tokenizer.js';
import { AidError } from '../../errors.js';
import { ADAPTED_KEYS, COMPONENTS } from '../../models/aid.js';
import { aidConfig } from '../../models/aid-config.js';
import { type ClipTextConfig, clipTextConfig, clipVisionConfig } from '../../models/clip/config.js';
import { unetConfig } from '../../models/unet/config.js';
import { configOf, parseConfig } from '../../weights/model-component.js';
import { type ModelFolder, PART_NAMES } from '../../weights/model-folder.js';
import { clipBatch } from '../data/clip-batches.js';
import type { Recipe, TrainedValues } from '../recipe.js';
import { trainingGraph } from '../training-graph.js';
import { adaptInputs, adaptLoss } from './adapt-loss.js';
import { disagreements } from './agreement.js';
import { writeComponent, writeJson } from './component-files.js';
import {
  checkNumGivenFrames,
  type DenoisingRecipe,
  type DenoisingRun,
  denoisingConfig,
  type LatentData,
} from './denoising.js';
import { type FrameCondition, frameConditionOf } from './frame-condition.js';
import { FrozenParts, frozenPartsConfig } from './frozen-parts.js';
import { allTensors, backboneTensors, componentOf } from './networks.js';

export const adaptRecipeConfig = z
  .object({
    recipe: z.literal('adapt'),
    ...denoisingConfig,
    aid: aidConfig,
    /** Only where the base has no text tower: one that is trained from nothing. */
    text_encoder: clipTextConfig.partial({ vocab_size: true, eos_token_id: true }).optional(),
    /** Only where the base has no tokenizer: the words of one that is made, see `writeWordTokenizer`. */
    words: z.array(z.string()).optional(),
    /** What is trained besides DQFormer, adapters and `attn2`: whole components, by name. */
    train: z.array(z.enum(['unet', 'text_encoder', 'image_encoder'])).default([]),
    /** The base's `aid/` is left alone: DQFormer and adapters start from nothing, `attn2` as in the base's `unet/`. */
    fresh: z.literal(true).optional(),
    frozenParts: frozenPartsConfig.optional(),
  })
  .superRefine(checkNumGivenFrames);
export type AdaptRecipeConfig = z.infer<typeof adaptRecipeConfig>;

export interface AdaptRun extends DenoisingRun {
  readonly tokenizer: Tokenizer;
}

export interface AdaptData extends LatentData {
  /** Those of the texts that it trains on. */
  readonly words: readonly string[];
}

export function adaptRecipe(
  config: AdaptRecipeConfig,
  { seed, base, vae, tokenizer, parts = 1 }: AdaptRun,
): DenoisingRecipe<AdaptData> {
  const { clipsPerRun, aid } = config;
  const unetComponent = componentOf(base, COMPONENTS.unet);
  const visionComponent = componentOf(base, COMPONENTS.imageEncoder);
  const textComponent = componentOf(base, COMPONENTS.textEncoder);
  if (unetComponent === undefined || visionComponent === undefined) {
    throw new AidError('invalid-model-folder', `${base.path}: expected unet/ and image_encoder/ to adapt`);
  }
  const backbone = configOf(unetConfig, unetComponent);
  const vision = configOf(clipVisionConfig, visionComponent);
  const text =
    textComponent !== undefined
      ? configOf(clipTextConfig, textComponent)
      : parseConfig(
          clipTextConfig,
          {
            ...config.text_encoder,
            vocab_size: tokenizer.vocabSize,
            eos_token_id: tokenizer.endTokenId,
          },
          `text_encoder, which ${base.path} has not`,
        );

  const whole: readonly string[] = config.train;
  const frozen = new FrozenParts(
    base,
    PART_NAMES.filter((name) => name !== 'aid' && !whole.includes(name)),
    config.frozenParts,
  );
  checkAdapt(config, tokenizer, text, textComponent !== undefined, base);

  const loss = adaptLoss(
    { aid, text, vision, backbone },
    {
      batch: clipsPerRun / parts,
      latentDims: vae.latentDims,
      lastFrameWeight: config.lastFrameWeight,
    },
  );
  const isTrained = (key: string): boolean =>
    ADAPTED_KEYS.test(key) || whole.includes(key.split('.')[0] ?? '');
  const batches = {
    ...config,
    seed,
    batchSize: clipsPerRun,
    scalingFactor: vae.config.scaling_factor,
    fill: aid.fill,
    dataMean: aid.data_mean,
  };
  const training = trainingGraph(loss, {}, isTrained);
  const weights = config.fresh === true ? backboneTensors(base) : allTensors(base);
  const withData = ({ files, sources, words }: AdaptData): Recipe => ({
    training,
    clipsPerRun,
    parts,
    weights,
    sources,
    async batch(index) {
      return adaptInputs(clipBatch(index, { ...batches, files }), aid, tokenizer);
    },
    async save(folder, trained, { previous }) {
      const reference = await frozen.put(folder, previous);
      if (config.words !== undefined) await writeWordTokenizer(join(folder, 'tokenizer'), config.words);
      await saveAdapted(folder, trained, config, reference);
      await writeJson(join(folder, 'aid', 'words.json'), { words } satisfies WordList);
      if (whole.includes(COMPONENTS.textEncoder)) {
        const named = {
          architectures: ['CLIPTextModel'],
          model_type: 'clip_text_model',
          ...text,
          bos_token_id: tokenizer.startTokenId,
          pad_token_id: tokenizer.padTokenId,
        };
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
  });
  return { training, weights, withData };
}

/** What would only show when the model is used, hours later. */
function checkAdapt(
  config: AdaptRecipeConfig,
  tokenizer: Tokenizer,
  text: ClipTextConfig,
  hasText: boolean,
  base: ModelFolder,
): void {
  const { aid, frame, numFrames, train, text_encoder: ownText } = config;
  const { video, dqformer } = aid;
  const { framesPerSecond, motionBucketId } = config;
  const checks: readonly (readonly [boolean, string])[] = [
    [
      hasText || train.includes('text_encoder'),
      `train: ${base.path} has no text_encoder, expected it to be trained`,
    ],
    [!hasText || ownText === undefined, `text_encoder: ${base.path} has one already`],
    [
      video.width === frame.width && video.height === frame.height,
      `aid.video: expected the frame's ${frame.width}x${frame.height}, got ${video.width}x${video.height}`,
    ],
    [
      video.frames_per_second === framesPerSecond,
      `framesPerSecond: expected that of aid.video, ${video.frames_per_second}, got ${framesPerSecond}`,
    ],
    [
      video.motion_bucket_id === motionBucketId,
      `motionBucketId: expected that of aid.video, ${video.motion_bucket_id}, got ${motionBucketId}`,
    ],
    [
      dqformer.num_frames === numFrames,
      `aid.dqformer.num_frames: expected numFrames, ${numFrames}, got ${dqformer.num_frames}`,
    ],
    [
      video.noise_augmentation === 0,
      `aid.video.noise_augmentation: expected 0, as training adds no noise to given frames, got ${video.noise_augmentation}`,
    ],
    [
      aid.text_length <= text.max_position_embeddings,
      `aid.text_length: expected at most the text encoder's ${text.max_position_embeddings}, got ${aid.text_length}`,
    ],
    [
      tokenizer.vocabSize <= text.vocab_size,
      `text_encoder.vocab_size: expected at least the tokenizer's ${tokenizer.vocabSize}, got ${text.vocab_size}`,
    ],
  ];
  const problems = [
    ...checks.flatMap(([holds, problem]) => (holds ? [] : [problem])),
    ...otherThanBase(config, base),
  ];
  if (problems.length > 0) throw new AidError('invalid-config', problems.join('; '));
}

/** What is otherwise than in what the run goes on from: a sentence for each key. */
function otherThanBase({ aid, fresh }: AdaptRecipeConfig, base: ModelFolder): string[] {
  const compared = ({ fill, data_mean }: FrameCondition) => ({ fill, data_mean });
  const begun = frameConditionOf(base);
  const condition =
    begun === undefined ? [] : disagreements('aid', compared(aid), base.path, compared(begun));
  const adapted = fresh === true ? undefined : componentOf(base, 'aid');
  if (adapted === undefined) return condition;
  const { dqformer, adapters } = configOf(aidConfig, adapted);
  const networks = { dqformer: aid.dqformer, adapters: aid.adapters };
  return [...condition, ...disagreements('aid', networks, base.path, { dqformer, adapters })];
}

/** `aid/`: the trained tensors that are AID's own, under their components' prefixes, and its config. */
async function saveAdapted(
  folder: string,
  trained: TrainedValues,
  config: AdaptRecipeConfig,
  reference: { readonly base?: string },
): Promise<void> {
  const own = new Map(
    [...trained].filter(([key]) => ADAPTED_KEYS.test(key)).map(([key, value]) => [`aid.${key}`, value]),
  );
  await writeComponent(join(folder, 'aid'), 'aid', own, config.aid, 'model.safetensors');
  await writeJson(join(folder, 'model_index.json'), {
    _class_name: 'AidPipeline',
    aid: { numFrames: config.numFrames, ...reference },
  });
}
