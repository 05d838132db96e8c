import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Graph } from '#planner/onnx/graph.js';
import { linear } from '#planner/onnx/layers/linear.js';
import { mean } from '#planner/onnx/ops/reduce.js';
import { Scope } from '#planner/onnx/scope.js';
import type { Engine } from '#planner/runtime/engine.js';
import { floatTensor } from '#planner/runtime/tensor.js';
import type { Recipe } from '#planner/training/recipe.js';
import { train } from '#planner/training/train.js';
import { trainingGraph } from '#planner/training/training-graph.js';
import { countingEngine } from '../../support/counting-engine.js';

/** Trains a matrix of 16 x 16. */
function recipe(): Recipe {
  const graph = new Graph('matrix');
  const y = linear(new Scope(graph).at('hidden'), graph.input('x', 'float32', [1, 16]), 16);
  return {
    training: trainingGraph(mean(y, [0, 1]), {}, () => true),
    clipsPerRun: 1,
    parts: 1,
    weights: new Map(),
    sources: {},
    batch: async () => ({ x: floatTensor([1, 16], new Float32Array(16).fill(1)) }),
    save: async () => undefined,
  };
}

const OPTIMIZER = {
  name: 'muon',
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0,
  momentum: 0.95,
} as const;

it('keeps nothing with an engine that has no room for the optimiser', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aid-train-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const counting = countingEngine();
  const full: Engine = {
    ...counting,
    load: (graph, options) =>
      graph.name === 'matrix' ? counting.load(graph, options) : Promise.reject(new Error('no room')),
  };
  const events = train(recipe(), {
    engine: full,
    seed: 1,
    steps: 1,
    runsPerStep: 1,
    learningRate: { peak: 0.1, warmupSteps: 1, decay: 'none', floor: 1 },
    optimizer: OPTIMIZER,
    maxGradientNorm: 1,
    averageDecay: 0.9,
    checkpoint: { path: join(folder, 'state'), everySteps: 1, fingerprint: 'f' },
    modelFolder: join(folder, 'model'),
  });
  await expect(events.next()).rejects.toThrow('no room');
  expect(counting.runs).toEqual({});
  expect(counting.sessions).toBe(0);
});
