// The two training runs that fit a model to another robot's recordings.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const configs = new URL('../../models/training/', import.meta.url);
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));

const learningRate = (peak, steps) => ({
  peak,
  warmupSteps: Math.ceil(steps / 20),
  decay: 'cosine',
  floor: 0.05,
});
const checkpointEverySteps = (steps) => Math.max(1, Math.min(100, Math.floor(steps / 4)));

/**
 * The paper's recipe: the backbone stays frozen, DQFormer, adapters and attn2 go on from where the model has them, so
 * that few episodes cannot spoil what many have taught. Noise levels, weight of the last frame and optimizer are those that
 * aid-mini was trained with: other noise would train other steps of the sampler than it takes.
 */
export function adaptConfig({ model, video, bags, steps, train }) {
  const { optimizer, runsPerStep, recipe } = read(new URL('aid-mini.json', configs));
  const { width, height, numFrames, framesPerSecond } = video;
  return {
    steps,
    learningRate: learningRate(0.0005, steps),
    checkpointEverySteps: checkpointEverySteps(steps),
    optimizer,
    runsPerStep,
    recipe: {
      ...recipe,
      data: { bags },
      base: model,
      frame: { width, height },
      numFrames,
      framesPerSecond,
      aid: read(join(model, 'aid', 'config.json')),
      train,
    },
  };
}

/**
 * The decoder alone: latents, and all that was trained on them, stay what they are. A small autoencoder has seen one
 * table, and paints another in that one's colours.
 */
export function decoderConfig({ model, video, bags, steps, start }) {
  const { optimizer, recipe } = read(new URL('decoder.json', configs));
  const { _class_name, sample_size, force_upcast, ...vae } = read(join(model, 'vae', 'config.json'));
  const { width, height } = video;
  return {
    steps,
    learningRate: learningRate(0.001, steps),
    checkpointEverySteps: checkpointEverySteps(steps),
    optimizer,
    recipe: { ...recipe, data: { bags }, frame: { width, height }, vae, start },
  };
}
