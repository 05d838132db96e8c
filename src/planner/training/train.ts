/** The training loop: runs the graph, updates the parameters, keeps checkpoints. */
import { AidError } from '../errors.js';
import type { Value } from '../onnx/graph.js';
import { Random } from '../random.js';
import type { Engine } from '../runtime/engine.js';
import { type FloatTensor, floatTensor, type Tensor } from '../runtime/tensor.js';
import { readFloats } from '../weights/safetensors.js';
import {
  type AdamWOptions,
  adamWStep,
  averageStep,
  gradientNorm,
  type TrainedTensor,
  trainedTensor,
} from './adamw.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { initialValue } from './initialization.js';
import { type LearningRateConfig, learningRateAt } from './learning-rate.js';
import type { Recipe, TrainedValues } from './recipe.js';
import { gradientName } from './training-graph.js';

export interface TrainOptions {
  readonly engine: Engine;
  readonly seed: number;
  readonly steps: number;
  /** Runs of the graph whose gradients are averaged into one step. */
  readonly runsPerStep: number;
  readonly learningRate: LearningRateConfig;
  readonly optimizer: AdamWOptions;
  /** Gradients longer than this are shortened to it. */
  readonly maxGradientNorm: number;
  /** Decay of the moving average of the parameters. */
  readonly averageDecay: number;
  readonly checkpoint: { readonly path: string; readonly everySteps: number; readonly fingerprint: string };
  readonly abortSignal?: AbortSignal;
}

export interface TrainStep {
  readonly kind: 'step';
  /** Counts from 1. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  /** The recipe's own measures, averaged over the step's runs. */
  readonly measures: Readonly<Record<string, number>>;
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly clipsPerSecond: number;
  /** Seconds until the last step, at this step's pace. */
  readonly secondsLeft: number;
}
export type TrainEvent =
  | { readonly kind: 'start'; readonly step: number; readonly steps: number; readonly trainedNumbers: number }
  | TrainStep
  | {
      readonly kind: 'checkpoint';
      readonly step: number;
      readonly averages: TrainedValues;
      /** Means of the recipe's measures since the last checkpoint. */
      readonly measures: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'end'; readonly step: number };

/** Trains until `steps`, going on from the checkpoint where there is one. */
export async function* train(recipe: Recipe, options: TrainOptions): AsyncGenerator<TrainEvent> {
  const { engine, steps, runsPerStep, checkpoint, abortSignal } = options;
  const { graph, trained, unreached } = recipe.training;
  const restored = readCheckpoint(checkpoint.path, checkpoint.fingerprint);
  const tensors =
    restored?.tensors ??
    new Map(
      [...firstValues(trained, recipe, options.seed)].map(([key, { shape, data }]) => [
        key,
        trainedTensor(shape, data),
      ]),
    );
  const still = firstValues(unreached, recipe, options.seed);
  for (const key of trained.keys()) {
    if (!tensors.has(key)) throw new AidError('invalid-weights', `${checkpoint.path}: ${key} is missing`);
  }
  const session = await engine.load(graph, {
    weights: (key) => (trained.has(key) ? undefined : recipe.weights.get(key)),
  });
  const averages = (): TrainedValues =>
    new Map([
      ...[...tensors].map(([key, { shape, average }]) => [key, { shape, data: average }] as const),
      ...still,
    ]);
  let step = restored?.step ?? 0;
  yield {
    kind: 'start',
    step,
    steps,
    trainedNumbers: [...tensors.values()].reduce((n, { data }) => n + data.length, 0),
  };

  let recent: Record<string, number>[] = [];
  let next = recipe.batch(step * runsPerStep);
  try {
    while (step < steps) {
      abortSignal?.throwIfAborted();
      const started = performance.now();
      const sums = new Map<string, Float32Array>();
      const measures: Record<string, number> = {};
      for (let run = 0; run < runsPerStep; run++) {
        const batch = await next;
        next = recipe.batch(step * runsPerStep + run + 1);
        next.catch(() => undefined); // Reported when it is awaited.
        const { tensors: outputs } = await session.run({ ...batch, ...parameterInputs(tensors) });
        collect(outputs, trained.keys(), sums, measures, 1 / runsPerStep);
      }
      step += 1;
      const norm = gradientNorm(sums.values());
      const { loss = Number.NaN, ...others } = measures;
      recent.push(others);
      if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
        throw new AidError(
          'engine-failed',
          `step ${step}: the loss is ${loss} and the gradient's norm ${norm}; lower the learning rate`,
        );
      }
      const learningRate = learningRateAt(step, steps, options.learningRate);
      const scale = Math.min(1, options.maxGradientNorm / (norm + 1e-6));
      for (const [key, gradient] of sums) {
        const tensor = tensors.get(key) as TrainedTensor;
        adamWStep(tensor, gradient, { step, learningRate, scale }, options.optimizer);
        averageStep(tensor, step, options.averageDecay);
      }
      const seconds = (performance.now() - started) / 1000;
      yield {
        kind: 'step',
        step,
        steps,
        loss,
        measures: others,
        gradientNorm: norm,
        learningRate,
        clipsPerSecond: (recipe.clipsPerRun * runsPerStep) / seconds,
        secondsLeft: (steps - step) * seconds,
      };
      if (step % checkpoint.everySteps === 0 || step === steps) {
        await writeCheckpoint(checkpoint.path, { step, tensors }, checkpoint.fingerprint);
        yield { kind: 'checkpoint', step, averages: averages(), measures: means(recent) };
        recent = [];
      }
    }
    yield { kind: 'end', step };
  } finally {
    await session.release();
  }
}

/** The values that training starts from: the recipe's weights, else initialised. */
function firstValues(
  parameters: ReadonlyMap<string, Value>,
  { weights }: Recipe,
  seed: number,
): TrainedValues {
  const values = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  const shapeOf = (key: string) => parameters.get(key)?.shape as readonly number[] | undefined;
  let index = 0;
  for (const [key, { shape: dims }] of parameters) {
    const shape = dims as readonly number[];
    const stored = weights.get(key);
    const random = new Random(seed, 1_000_003, index++);
    values.set(key, {
      shape,
      data: stored === undefined ? initialValue(key, shape, random, shapeOf) : readFloats(stored),
    });
  }
  return values;
}

function parameterInputs(tensors: ReadonlyMap<string, TrainedTensor>): Record<string, FloatTensor> {
  return Object.fromEntries([...tensors].map(([key, { shape, data }]) => [key, floatTensor(shape, data)]));
}

function means(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, all.reduce((sum, each) => sum + (each[name] ?? 0), 0) / all.length]),
  );
}

/** Adds a run's gradients and measures to the step's. */
function collect(
  outputs: Readonly<Record<string, Tensor>>,
  keys: Iterable<string>,
  sums: Map<string, Float32Array>,
  measures: Record<string, number>,
  share: number,
): void {
  for (const key of keys) {
    const gradient = outputs[gradientName(key)]?.data as Float32Array;
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, share === 1 ? gradient : gradient.map((g) => g * share));
    else for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (gradient[i] as number) * share;
  }
  for (const [name, { data }] of Object.entries(outputs)) {
    if (!name.startsWith('gradient/')) measures[name] = (measures[name] ?? 0) + Number(data[0]) * share;
  }
}
