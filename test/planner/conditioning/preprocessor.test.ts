import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CLIP_MEAN, CLIP_STD, readClipPreprocessor } from '#planner/conditioning/preprocessor.js';
import { temporaryFolder } from './temporary-folder.js';

/** As in the published image-to-video checkpoints. */
const PUBLISHED = {
  crop_size: { height: 224, width: 224 },
  do_center_crop: true,
  do_convert_rgb: true,
  do_normalize: true,
  do_rescale: true,
  do_resize: true,
  feature_extractor_type: 'CLIPFeatureExtractor',
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_processor_type: 'CLIPImageProcessor',
  image_std: [0.26862954, 0.26130258, 0.27577711],
  resample: 3,
  rescale_factor: 0.00392156862745098,
  size: { shortest_edge: 224 },
};

function read(config: unknown) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(config));
  return readClipPreprocessor(folder);
}

describe('a preprocessor config', () => {
  test('of the published checkpoints is read', async () => {
    const config = { imageSize: 224, shortestEdge: 224, mean: CLIP_MEAN, std: CLIP_STD };
    expect(await read(PUBLISHED)).toEqual(config);
    expect(await read({})).toEqual(config);
  });

  test('may have the sizes of older versions, or others', async () => {
    expect(await read({ size: 32, crop_size: 32 })).toMatchObject({ imageSize: 32, shortestEdge: 32 });
    expect(await read({ size: { height: 64, width: 64 } })).toMatchObject({
      imageSize: 64,
      shortestEdge: 64,
    });
    expect(await read({ size: { shortest_edge: 256 }, crop_size: 224 })).toMatchObject({
      imageSize: 224,
      shortestEdge: 256,
    });
  });

  test('may leave out the normalisation', async () => {
    expect(await read({ ...PUBLISHED, do_normalize: false })).toMatchObject({
      mean: [0, 0, 0],
      std: [1, 1, 1],
    });
  });

  test.each([
    ['another kernel', { resample: 2 }, 'resample'],
    ['a size that is no square', { crop_size: { height: 224, width: 200 } }, 'crop_size'],
    [
      'a crop larger than the picture',
      { size: 200, crop_size: 224 },
      'expected a size of at least crop_size',
    ],
    ['two means', { image_mean: [0.5, 0.5] }, 'image_mean'],
    ['a deviation of zero', { image_std: [0, 1, 1] }, 'image_std.0'],
    ['another scale', { rescale_factor: 1 }, 'rescale_factor'],
    ['a list', [], 'the whole'],
  ])('that asks for %s is refused', async (_, config, message) => {
    await expect(read(config)).rejects.toMatchObject({
      code: 'invalid-config',
      message: expect.stringContaining(message),
    });
  });

  test('that is missing is refused', async () => {
    await expect(readClipPreprocessor(temporaryFolder())).rejects.toMatchObject({
      code: 'invalid-model-folder',
      message: expect.stringContaining('preprocessor_config.json'),
    });
  });
});
