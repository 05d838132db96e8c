import { expect, it } from 'vitest';
import { AidError } from '#planner/errors.js';
import type { Recording } from '#planner/training/data/episode.js';
import { autoencoderRecipe, autoencoderRecipeConfig } from '#planner/training/recipes/autoencoder.js';
import { RECIPES } from './tiny-runs.js';

it('opens a recording once, however many clips it draws of it', async () => {
  const opens: string[] = [];
  const readable = {
    name: 'bag',
    instruction: 'push the cube',
    frameCount: 6,
    metadata: {},
    readFrames: async (indices: readonly number[]) =>
      indices.map(() => ({ width: 32, height: 32, data: new Uint8Array(32 * 32 * 3) })),
  };
  const recordings = ['good', 'broken'].map((id): Recording => {
    const open = async () => {
      opens.push(id);
      if (id === 'broken') throw new AidError('invalid-data', 'broken: cut off');
      return { episodes: [readable], skipped: [] };
    };
    return { name: id, id, content: id, stamp: id, open };
  });
  const set = { folder: 'bags', noun: 'bags', recordings, isEpisodeEach: false, skipped: [] };
  const skipped: string[] = [];
  const config = autoencoderRecipeConfig.parse(RECIPES.autoencoder);
  const recipe = autoencoderRecipe(config, 1, set, ({ name }) => skipped.push(name));
  for (let index = 0; index < 10; index++) await recipe.batch(index);
  expect(opens.toSorted()).toEqual(['broken', 'good']);
  expect(skipped).toEqual(['broken']);
});
