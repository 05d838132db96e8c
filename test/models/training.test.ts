import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { readRunConfig } from '#planner/training/run-config.js';

it('each run that makes aid-mini starts from the model of the one before, and agrees with it', () => {
  const names = ['autoencoder', 'backbone', 'adapt', 'aid-mini', 'aid-mini-2', 'decoder'];
  const [autoencoder, backbone, adapt, aidMini, last, decoder] = names.map((name) =>
    readRunConfig(`models/training/${name}.json`),
  );
  const modelOf = (run: typeof backbone) => join(run?.output ?? '', 'model');
  expect(backbone?.recipe).toMatchObject({ recipe: 'backbone', base: modelOf(autoencoder) });
  expect(adapt?.recipe).toMatchObject({ recipe: 'adapt', base: modelOf(backbone) });
  expect(aidMini?.recipe).toMatchObject({ recipe: 'adapt', base: resolve('runs/grown') });
  expect(last).toMatchObject({
    learningRate: { decay: 'linear', floor: 0 },
    recipe: { recipe: 'adapt', base: modelOf(aidMini) },
  });
  expect(decoder?.recipe).toMatchObject({
    recipe: 'autoencoder',
    start: resolve('models/aid-mini'),
    train: 'decoder',
  });
  if (backbone?.recipe.recipe !== 'backbone' || aidMini?.recipe.recipe !== 'adapt') return;
  if (adapt?.recipe.recipe !== 'adapt' || last?.recipe.recipe !== 'adapt') return;
  for (const { aid } of [adapt.recipe, last.recipe]) expect(aid).toEqual(aidMini.recipe.aid);
  const { fill, data_mean, video } = aidMini.recipe.aid;
  expect(backbone.recipe).toMatchObject({ fill, data_mean });
  expect(aidMini.recipe).toMatchObject({
    framesPerSecond: video.frames_per_second,
    motionBucketId: video.motion_bucket_id,
  });
});
