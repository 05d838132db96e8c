import { z } from 'zod';

const perLevel = z.union([z.int().positive(), z.array(z.int().positive())]);

/** fps - 1, motion bucket, noise augmentation. */
const TIME_IDS = 3;

/** diffusers' UNetSpatioTemporalConditionModel config, the keys that the network needs. */
export const unetConfig = z
  .object({
    in_channels: z.int().positive().default(8),
    out_channels: z.int().positive().default(4),
    down_block_types: z.array(z.enum(['CrossAttnDownBlockSpatioTemporal', 'DownBlockSpatioTemporal'])).min(1),
    up_block_types: z.array(z.enum(['CrossAttnUpBlockSpatioTemporal', 'UpBlockSpatioTemporal'])).min(1),
    block_out_channels: z.array(z.int().positive()).min(1),
    addition_time_embed_dim: z.int().positive().default(256),
    projection_class_embeddings_input_dim: z.int().positive().default(768),
    layers_per_block: perLevel.default(2),
    cross_attention_dim: perLevel.default(1024),
    transformer_layers_per_block: z
      .union([z.int().positive(), z.array(z.union([z.int().positive(), z.array(z.int().positive())]))])
      .default(1),
    num_attention_heads: perLevel.default([5, 10, 20, 20]),
    num_frames: z.int().positive().default(25),
    /** Ours, always 32 in diffusers: channels must be multiples of it. */
    norm_num_groups: z.int().positive().default(32),
  })
  .superRefine((config, context) => {
    const features = TIME_IDS * config.addition_time_embed_dim;
    if (config.projection_class_embeddings_input_dim !== features)
      context.addIssue({
        code: 'custom',
        path: ['projection_class_embeddings_input_dim'],
        message: `expected ${TIME_IDS} times addition_time_embed_dim, ${features}, got ${config.projection_class_embeddings_input_dim}`,
      });
    const levels = config.down_block_types.length;
    const lists = [
      'up_block_types',
      'block_out_channels',
      'layers_per_block',
      'cross_attention_dim',
      'transformer_layers_per_block',
      'num_attention_heads',
    ] as const;
    for (const key of lists) {
      const value = config[key];
      if (Array.isArray(value) && value.length !== levels) {
        context.addIssue({
          code: 'custom',
          path: [key],
          message: `expected ${levels} entries, as many as down_block_types, got ${value.length}`,
        });
      }
    }
  });
export type UNetConfig = z.infer<typeof unetConfig>;

/** What one resolution of the UNet looks like. */
export interface UNetLevel {
  readonly channels: number;
  readonly layers: number;
  readonly heads: number;
  readonly crossAttentionDim: number;
  readonly downHasAttention: boolean;
  /** Whether the up block of this level has attention. */
  readonly upHasAttention: boolean;
  /** Transformer blocks in the attention after residual block `layer`. */
  readonly transformerLayers: (layer: number) => number;
}

/** The UNet's resolutions, finest first. */
export function levelsOf(config: UNetConfig): UNetLevel[] {
  const levels = config.block_out_channels.length;
  const pick = <T>(value: T | readonly T[], level: number): T => {
    if (!Array.isArray(value)) return value as T;
    return (value as readonly T[])[level] as T;
  };
  return config.block_out_channels.map((channels, level) => {
    const transformerLayers: number | number[] | undefined = Array.isArray(
      config.transformer_layers_per_block,
    )
      ? config.transformer_layers_per_block[level]
      : config.transformer_layers_per_block;
    return {
      channels,
      layers: pick<number>(config.layers_per_block, level),
      heads: pick<number>(config.num_attention_heads, level),
      crossAttentionDim: pick<number>(config.cross_attention_dim, level),
      downHasAttention: config.down_block_types[level] === 'CrossAttnDownBlockSpatioTemporal',
      upHasAttention: config.up_block_types[levels - 1 - level] === 'CrossAttnUpBlockSpatioTemporal',
      transformerLayers: (layer) => pick<number>(transformerLayers ?? 1, layer),
    };
  });
}
