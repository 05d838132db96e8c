/** `aid/config.json` of a model folder: what AID adds to an SVD checkpoint. */
import { z } from 'zod';
import type { AdapterConfig } from './adapters.js';
import type { DqFormerConfig } from './dqformer.js';

/** State texts of an instruction, S in the paper. */
export const NUM_STATES = 4;
/** Denoising steps of a clip, at most. */
export const MAX_INFERENCE_STEPS = 1000;
/** Most that a scale of Eq. 8 may be, either way: what is far beyond any use gives numbers that are not finite. */
export const MAX_GUIDANCE = 1000;

const sampler = z.enum(['euler', 'heun', 'dpm++2m']);
const steps = z.int().positive().max(MAX_INFERENCE_STEPS);
const positive = z.number().positive();
const guidance = z.number().min(-MAX_GUIDANCE).max(MAX_GUIDANCE);

/** How a clip is sampled unless the caller says otherwise. */
const samplingConfig = z.strictObject({
  sampler: sampler.default('euler'),
  num_inference_steps: steps.default(25),
  sigma_min: positive.default(0.002),
  sigma_max: positive.default(700),
  rho: positive.default(7),
  /** Scales of Eq. 8; both 1: only the conditional branch runs. */
  frame_guidance: guidance.default(1),
  text_guidance: guidance.default(1),
});

/** What a preset changes of them. */
const presetConfig = z.strictObject({
  sampler: sampler.exactOptional(),
  num_inference_steps: steps.exactOptional(),
  sigma_min: positive.exactOptional(),
  sigma_max: positive.exactOptional(),
  rho: positive.exactOptional(),
  frame_guidance: guidance.exactOptional(),
  text_guidance: guidance.exactOptional(),
});

/** DQFormer, here and in a case of its own. */
export const dqFormerConfig = z.object({
  dim: z.int().positive(),
  heads: z.int().positive(),
  num_layers: z.int().positive().default(1),
  num_frames: z.int().positive(),
  num_queries: z.int().positive(),
  text_dim: z.int().positive(),
  vision_dim: z.int().positive(),
  output: z.enum(['mcondition', 'multimodal', 'decomposed', 'text']).default('mcondition'),
  states: z.boolean().default(true),
});

/** A key that it does not know is refused: one that is misspelt would leave its default standing. */
export const aidConfig = z
  .strictObject({
    dqformer: z.strictObject(dqFormerConfig.shape),
    adapters: z.strictObject({
      reduction: z.int().positive().default(4),
      heads: z.int().positive(),
      /** Frames that the short-term adapter's convolution sees. */
      kernel: z
        .int()
        .positive()
        .refine((kernel) => kernel % 2 === 1, {
          error: ({ input }) => `expected an odd number, got ${input}`,
        })
        .default(3),
      spatial: z.boolean().default(true),
      short_term: z.boolean().default(true),
      long_term: z.boolean().default(true),
    }),
    num_states: z
      .literal(NUM_STATES, {
        error: ({ input }) => `expected the ${NUM_STATES} of a state prompter, got ${input}`,
      })
      .default(NUM_STATES),
    /** Tokens L of a text, with its start and its end; CLIP's are 77. */
    text_length: z.int().min(3).default(77),
    /** What stands in the image latents of frames that are not given: zeros, or the last given frame again. */
    fill: z.enum(['zeros', 'repeat']).default('zeros'),
    /**
     * Ours, `zero` in SVD: the mean that the preconditioning takes the latents to have. `frame`: the last given frame's
     * latents in every frame after it, so that the network denoises what differs from them.
     */
    data_mean: z.enum(['zero', 'frame']).default('zero'),
    /** The videos that the model was trained on. */
    video: z.strictObject({
      /** Pixels, divisible by the autoencoder's factor. */
      width: z.int().positive(),
      height: z.int().positive(),
      frames_per_second: z.int().positive().default(7),
      motion_bucket_id: z.int().nonnegative().default(127),
      /** Deviation of the noise on the given frames' pixels (-1 to 1) that the autoencoder sees; a time id as well. */
      noise_augmentation: z.number().nonnegative().default(0),
      /** Frames that are decoded at once, as diffusers' option of that name; by their memory when absent. */
      decode_chunk_size: z.int().positive().exactOptional(),
    }),
    sampling: samplingConfig.prefault({}),
    /** Named changes of `sampling`, such as `fast`. */
    presets: z.record(z.string(), presetConfig).default({}),
  })
  .superRefine(({ sampling, presets }, context) => {
    for (const [path, { sigma_min: low, sigma_max: high }] of [
      [['sampling'], sampling] as const,
      ...Object.entries(presets).map(
        ([name, preset]) => [['presets', name], { ...sampling, ...preset }] as const,
      ),
    ]) {
      const message = `expected sigma_min < sigma_max, got ${low} and ${high}`;
      if (!(low < high)) context.addIssue({ code: 'custom', path: [...path], message });
    }
  });
export type AidConfig = z.infer<typeof aidConfig>;

export function dqFormerConfigOf({ dqformer: config }: Pick<AidConfig, 'dqformer'>): DqFormerConfig {
  return {
    dim: config.dim,
    heads: config.heads,
    numLayers: config.num_layers,
    numFrames: config.num_frames,
    numQueries: config.num_queries,
    textDim: config.text_dim,
    visionDim: config.vision_dim,
    output: config.output,
    states: config.states,
  };
}

export function adapterConfigOf({ adapters: config }: AidConfig): AdapterConfig {
  return {
    reduction: config.reduction,
    heads: config.heads,
    kernel: config.kernel,
    spatial: config.spatial,
    shortTerm: config.short_term,
    longTerm: config.long_term,
  };
}

/** Condition tokens N of each frame. */
export function conditionTokenCount({ dqformer, text_length: length }: AidConfig): number {
  switch (dqformer.output) {
    case 'mcondition':
      return length + dqformer.num_queries;
    case 'decomposed':
      return dqformer.num_queries;
    case 'multimodal':
    case 'text':
      return length;
  }
}
