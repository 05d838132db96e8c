import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readRunConfig } from '#planner/training/run-config.js';

it('each run that makes aid-mini starts from the model of the one before, and agrees with it', () => {
  const names = ['autoencoder', 'backbone', 'aid-mini', 'aid-mini-decay', 'decoder'];
  const [autoencoder, backbone, aidMini, decay, decoder] = names.map((name) =>
    readRunConfig(`models/training/${name}.json`),
  );
  expect(backbone?.recipe).toMatchObject({
    recipe: 'backbone',
    base: join(autoencoder?.output ?? '', 'model'),
  });
  expect(aidMini?.recipe).toMatchObject({ recipe: 'adapt', base: join(backbone?.output ?? '', 'model') });
  expect(decay).toMatchObject({
    learningRate: { decay: 'linear', floor: 0 },
    recipe: { recipe: 'adapt', base: join(aidMini?.output ?? '', 'model') },
  });
  expect(decoder?.recipe).toMatchObject({
    recipe: 'autoencoder',
    start: join(decay?.output ?? '', 'model'),
    train: 'decoder',
  });
  if (backbone?.recipe.recipe !== 'backbone' || aidMini?.recipe.recipe !== 'adapt') return;
  if (decay?.recipe.recipe !== 'adapt') return;
  expect(decay.recipe.aid).toEqual(aidMini.recipe.aid);
  const { fill, data_mean, video } = aidMini.recipe.aid;
  expect(backbone.recipe).toMatchObject({ fill, data_mean });
  expect(aidMini.recipe).toMatchObject({
    framesPerSecond: video.frames_per_second,
    motionBucketId: video.motion_bucket_id,
  });
});
