import { z } from 'zod';

/** diffusers' AutoencoderKLTemporalDecoder config, the keys that the network needs. */
export const autoencoderConfig = z.object({
  in_channels: z.int().positive().default(3),
  out_channels: z.int().positive().default(3),
  down_block_types: z.array(z.literal('DownEncoderBlock2D')).min(1).default(['DownEncoderBlock2D']),
  block_out_channels: z.array(z.int().positive()).min(1).default([64]),
  layers_per_block: z.int().positive().default(1),
  latent_channels: z.int().positive().default(4),
  scaling_factor: z.number().positive().default(0.18215),
  /** Ours, always 32 in diffusers: channels must be multiples of it. */
  norm_num_groups: z.int().positive().default(32),
  /**
   * Ours, 1 in diffusers' checkpoints: pixels along each side of the blocks that become channels. In diffusers
   * the same tensors run with `pixel_unshuffle` before `encode` and `pixel_shuffle` after `decode`.
   */
  patch_size: z.int().positive().default(1),
});
export type AutoencoderConfig = z.infer<typeof autoencoderConfig>;

/** Pixels per latent, along each side. */
export const spatialFactor = ({
  block_out_channels: channels,
  patch_size: patch,
}: AutoencoderConfig): number => patch * 2 ** (channels.length - 1);

/** Colour channels of the frames that go in. */
export const frameChannels = ({ in_channels: channels, patch_size: patch }: AutoencoderConfig): number =>
  channels / patch ** 2;
