import { z } from 'zod';

const transformer = {
  hidden_size: z.int().positive(),
  intermediate_size: z.int().positive(),
  num_hidden_layers: z.int().nonnegative(),
  num_attention_heads: z.int().positive(),
  hidden_act: z.enum(['gelu', 'quick_gelu']).default('quick_gelu'),
  layer_norm_eps: z.number().positive().default(1e-5),
  projection_dim: z.int().positive().default(512),
};

/** transformers' CLIPTextConfig, the keys that the network needs. */
export const clipTextConfig = z.object({
  ...transformer,
  vocab_size: z.int().positive().default(49_408),
  max_position_embeddings: z.int().positive().default(77),
  eos_token_id: z.int().nonnegative().default(49_407),
});
export type ClipTextConfig = z.infer<typeof clipTextConfig>;

/** transformers' CLIPVisionConfig, the keys that the network needs. */
export const clipVisionConfig = z
  .object({
    ...transformer,
    image_size: z.int().positive().default(224),
    patch_size: z.int().positive().default(32),
    num_channels: z.int().positive().default(3),
  })
  .refine(({ image_size: size, patch_size: patch }) => patch <= size, {
    path: ['patch_size'],
    error: ({ input }) => {
      const { image_size: size, patch_size: patch } = input as { image_size: number; patch_size: number };
      return `expected at most image_size, ${size}, got ${patch}`;
    },
  });
export type ClipVisionConfig = z.infer<typeof clipVisionConfig>;
