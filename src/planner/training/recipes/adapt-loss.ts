/** AID's networks under the denoising loss: the graph that the adapt recipe trains, and what goes into it. */
import { templateStates } from '../../conditioning/template-state-prompter.js';
import type { Tokenizer } from '../../conditioning/tokenizer.js';
import { COMPONENTS, conditionTokens } from '../../models/aid.js';
import { type AidConfig, adapterConfigOf } from '../../models/aid-config.js';
import type { ClipTextConfig, ClipVisionConfig } from '../../models/clip/config.js';
import { tokensCondition } from '../../models/unet/condition.js';
import type { UNetConfig } from '../../models/unet/config.js';
import { unet } from '../../models/unet/unet.js';
import { Graph, type Value } from '../../onnx/graph.js';
import { Scope } from '../../onnx/scope.js';
import { type Int64Tensor, int64Tensor, type Tensor } from '../../runtime/tensor.js';
import type { ClipBatch } from '../data/clip-batches.js';
import { addedTimeIds, denoisingGraph } from './denoising.js';

export interface AdaptNetworks {
  readonly aid: AidConfig;
  readonly text: ClipTextConfig;
  readonly vision: ClipVisionConfig;
  readonly backbone: UNetConfig;
}

export interface AdaptLossOptions {
  /** Clips. */
  readonly batch: number;
  /** [C, h, w] */
  readonly latentDims: readonly [number, number, number];
  /** See `denoisingConfig`. */
  readonly lastFrameWeight: number;
}

/** The mean loss of a batch, a scalar; the graph's inputs are those of `adaptInputs`. */
export function adaptLoss(
  { aid, text, vision, backbone }: AdaptNetworks,
  { batch, latentDims, lastFrameWeight }: AdaptLossOptions,
): Value {
  const graph = new Graph('adapt-loss');
  const root = new Scope(graph);
  const tokens = conditionTokens(
    root,
    {
      textIds: graph.input('text_ids', 'int64', [batch, 1 + aid.num_states, aid.text_length]),
      clipPixels: graph.input('clip_pixels', 'float32', [batch, 3, vision.image_size, vision.image_size]),
      frameGiven: graph.input('frame_given', 'float32', [batch]),
    },
    aid,
    text,
    vision,
  );
  const addedTimes = graph.input('added_time_ids', 'float32', [batch, 3]);
  const condition = tokensCondition(tokens);
  const dims = [batch, aid.dqformer.num_frames, ...latentDims] as const;
  return denoisingGraph(graph, dims, { lastFrameWeight }, (sample, timestep) =>
    unet(
      root.at(COMPONENTS.unet),
      { sample, timestep, addedTimeIds: addedTimes, condition },
      backbone,
      adapterConfigOf(aid),
    ),
  );
}

/** The time ids are those that an imagined clip is given. */
export function adaptInputs(
  { denoising, clipPixels, frameGiven, instructions }: ClipBatch,
  { video, text_length, num_states }: AidConfig,
  tokenizer: Tokenizer,
): Record<string, Tensor> {
  const timeIds = {
    framesPerSecond: video.frames_per_second,
    motionBucketId: video.motion_bucket_id,
    noiseAugmentation: video.noise_augmentation,
  };
  return {
    ...denoising,
    clip_pixels: clipPixels,
    frame_given: frameGiven,
    added_time_ids: addedTimeIds(timeIds, instructions.length),
    text_ids: textIds(instructions, tokenizer, text_length, num_states),
  };
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
