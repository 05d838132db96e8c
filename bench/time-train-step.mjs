// Times one training step: forward, backward, gradient clipping, AdamW, and the moving average that the trainer keeps
// besides. From embeddings and latents, as pytorch/time_train_step.py.
//
//   node bench/time-train-step.mjs --model DIR [--batch 4] [--trainable aid|everything] [--repeat N]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { train } from '#planner/training/train.js';
import { race, raceArguments } from './racing/lap.mjs';
import { randomRecipe } from './racing/random-recipe.mjs';

const options = raceArguments({ batch: 4, trainable: 'aid' });

await race(options, async () => {
  const { threads } = options;
  const recipe = await randomRecipe(options.model, options);
  const engine = new OnnxRuntimeEngine({ threads });
  const folder = mkdtempSync(join(tmpdir(), 'aid-bench-'));
  const steps = 1_000_000;
  const events = train(recipe, {
    engine,
    seed: 1,
    steps,
    runsPerStep: 1,
    learningRate: { peak: 1e-5, warmupSteps: 0, decay: 'none', floor: 0 },
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
    maxGradientNorm: 1,
    averageDecay: 0.999,
    checkpoint: { path: join(folder, 'checkpoint.safetensors'), everySteps: steps, fingerprint: '' },
    modelFolder: join(folder, 'model'),
  });
  const { value: start } = await events.next();
  const lap = async () => {
    const { value } = await events.next();
    if (value?.kind !== 'step') throw new Error(`expected a step, got ${JSON.stringify(value)}`);
  };
  const end = async () => {
    await events.return();
    await engine.dispose();
    rmSync(folder, { recursive: true, force: true });
  };
  const facts = { race: 'train_step', batch: options.batch, trained_parameters: start.trainedNumbers };
  return { lap, facts, end };
});
