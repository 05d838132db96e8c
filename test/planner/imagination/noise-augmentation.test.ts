import { expect, it, onTestFinished } from 'vitest';
import { augmented } from '#planner/imagination/noise-augmentation.js';
import type { Observation } from '#planner/imagination/observation.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { tinyModel } from '../../support/tiny-model.js';
import { picture } from '../conditioning/pictures.js';

/** The same picture twice, as a model with so much noise sees it. */
async function observed(noise_augmentation: number): Promise<Observation[]> {
  const video = { width: 32, height: 32, noise_augmentation };
  const planner = await VideoPlanner.load(await tinyModel({ aid: { video } }), {
    provider: 'cpu',
    threads: 1,
  });
  onTestFinished(() => planner.dispose());
  const frames = [picture(32, 32), picture(32, 32)];
  return [await planner.observe(frames), await planner.observe(frames)];
}

it('is seen by the autoencoder and not by CLIP, the same at every look', async () => {
  const [[clean], [noisy, again]] = [await observed(0), await observed(0.5)];
  expect(clean?.latents[0]).toEqual(clean?.latents[1]);
  expect(noisy?.latents[0]).not.toEqual(clean?.latents[0]);
  expect(noisy?.latents[0]).not.toEqual(noisy?.latents[1]);
  expect(noisy?.visualEmbeds).toEqual(clean?.visualEmbeds);
  expect(again).toEqual(noisy);
});

it('has the deviation that it is asked for', async () => {
  const pixels = new Float32Array(30_000).fill(0.25);
  const noisy = await augmented(pixels, 0.02, 0);
  const mean = noisy.reduce((sum, value) => sum + value, 0) / noisy.length;
  const deviation = Math.sqrt(noisy.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noisy.length);
  expect(mean).toBeCloseTo(0.25, 3);
  expect(deviation).toBeCloseTo(0.02, 3);
  expect(await augmented(pixels, 0, 0)).toBe(pixels);
});
