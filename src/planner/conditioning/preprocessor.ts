/** How a model folder wants its frames prepared for CLIP's vision tower. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AidError } from '../errors.js';
import { parseJson } from './json-file.js';

type Triple = readonly [number, number, number];

/** Means and deviations of the pictures that CLIP was trained on: red, green, blue, of 0 to 1. */
export const CLIP_MEAN: Triple = [0.48145466, 0.4578275, 0.40821073];
export const CLIP_STD: Triple = [0.26862954, 0.26130258, 0.27577711];

/** What `clipPixels` needs to know. */
export interface ClipPreprocessor {
  /** Side of the square that the tower takes, pixels. */
  readonly imageSize: number;
  /** The shorter side before the centre is cut out, pixels; at least `imageSize`. */
  readonly shortestEdge: number;
  readonly mean: Triple;
  readonly std: Triple;
}

const side = z.int().positive();
const channel = z.tuple([z.number(), z.number(), z.number()]);
const deviation = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);
const square = z
  .object({ height: side, width: side })
  .refine(({ height, width }) => height === width, 'expected a square')
  .transform(({ height }) => height);

/** transformers' CLIPImageProcessor config, the keys that matter here; both the old and the new forms of sizes. */
const preprocessorConfig = z
  .object({
    size: z
      .union([side, z.object({ shortest_edge: side }).transform((s) => s.shortest_edge), square])
      .optional(),
    crop_size: z.union([side, square]).optional(),
    image_mean: channel.default([...CLIP_MEAN]),
    image_std: deviation.default([...CLIP_STD]),
    do_normalize: z.boolean().default(true),
    do_rescale: z.literal(true).default(true),
    rescale_factor: z
      .number()
      .refine((factor) => Math.abs(factor * 255 - 1) < 1e-6, 'expected 1/255')
      .default(1 / 255),
    // Pillow's number for bicubic.
    resample: z.literal(3).default(3),
  })
  .transform(({ size, crop_size, image_mean, image_std, do_normalize }): ClipPreprocessor => {
    const imageSize = crop_size ?? size ?? 224;
    return {
      imageSize,
      shortestEdge: size ?? imageSize,
      mean: do_normalize ? image_mean : [0, 0, 0],
      std: do_normalize ? image_std : [1, 1, 1],
    };
  })
  .refine(
    ({ imageSize, shortestEdge }) => shortestEdge >= imageSize,
    'expected a size of at least crop_size',
  );

/**
 * Reads `preprocessor_config.json` of a `feature_extractor/` folder.
 * Errors: `invalid-model-folder` when it is missing, `invalid-config` when it asks for what is not supported.
 */
export async function readClipPreprocessor(folder: string): Promise<ClipPreprocessor> {
  const file = join(folder, 'preprocessor_config.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new AidError('invalid-model-folder', `${file}: could not be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  return parseJson(text, preprocessorConfig, file, 'invalid-config');
}
