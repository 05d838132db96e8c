/** The training loop: runs the graph, updates the parameters, keeps checkpoints. */
import { AidError } from '../errors.js';
import type { Value } from '../onnx/graph.js';
import { Random } from '../random.js';
import type { Engine } from '../runtime/engine.js';
import { type FloatTensor, floatTensor, sharedFloats, type Tensor } from '../runtime/tensor.js';
import { readFloats } from '../weights/safetensors.js';
import { averageStep, type TrainedTensor, trainedTensor } from './adamw.js';
import { partsOf } from './batch-parts.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { GradientSum } from './gradient-sum.js';
import { initialValue } from './initialization.js';
import { type LearningRateConfig, learningRateAt } from './learning-rate.js';
import { hasExploded, type LossHistory, NO_LOSSES, withLoss } from './loss-watch.js';
import { type MovingMeasures, NO_MEASURES, withMeasures } from './measures.js';
import { Optimizer, type OptimizerConfig } from './optimizer.js';
import { Pace } from './pace.js';
import type { Recipe, TrainedValues } from './recipe.js';
import { saveModel } from './saved-model.js';
import { gradientName } from './training-graph.js';

export interface TrainOptions {
  readonly engine: Engine;
  readonly seed: number;
  readonly steps: number;
  /** Runs of the graph whose gradients are averaged into one step. */
  readonly runsPerStep: number;
  readonly learningRate: LearningRateConfig;
  readonly optimizer: OptimizerConfig;
  /** Gradients longer than this are shortened to it. */
  readonly maxGradientNorm: number;
  /** Decay of the moving average of the parameters. */
  readonly averageDecay: number;
  readonly checkpoint: { readonly path: string; readonly everySteps: number; readonly fingerprint: string };
  /** Where the networks are saved with each checkpoint, see `saveModel`. */
  readonly modelFolder: string;
  /** Ends the run after the step that is going on, with a checkpoint. */
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
  /** Over the recent steps. */
  readonly clipsPerSecond: number;
  /** Seconds until the last step, at the pace of the recent ones. */
  readonly secondsLeft: number;
}
export type TrainEvent =
  | { readonly kind: 'start'; readonly step: number; readonly steps: number; readonly trainedNumbers: number }
  | TrainStep
  /** The model of this step has been saved, then the checkpoint. */
  | { readonly kind: 'checkpoint'; readonly step: number }
  /** The run goes on with something else than it began with, or does not read all of its data's texts. */
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'end'; readonly step: number };

/**
 * Trains a recipe that `checkStart` has passed until `steps`, going on from the checkpoint where there is one. Errors: `aborted`, after a checkpoint;
 * `engine-failed` when the loss is not finite or explodes: the last checkpoint and its model stay.
 */
export async function* train(recipe: Recipe, options: TrainOptions): AsyncGenerator<TrainEvent> {
  const { engine, steps, runsPerStep, checkpoint, modelFolder, abortSignal } = options;
  const { graph, trained, unreached } = recipe.training;
  const restored = readCheckpoint(checkpoint.path, checkpoint.fingerprint);
  const { provider, threads } = engine.description;
  // Both change the order of sums, and so their last bits.
  const sources = { ...recipe.sources, provider, threads: String(threads) };
  const tensors = new Map<string, TrainedTensor>();
  if (restored === undefined) {
    for (const [key, { shape, data }] of firstValues(trained, recipe, options.seed))
      tensors.set(key, trainedTensor(shape, sharedFloats(data)));
  } else {
    for (const [key, tensor] of restored.tensors)
      tensors.set(key, { ...tensor, data: sharedFloats(tensor.data) });
  }
  const still = firstValues(unreached, recipe, options.seed);
  if (abortSignal?.aborted) throw stopped(abortSignal, checkpoint.path, restored?.step);
  const session = await engine.load(graph, {
    weights: (key) => (trained.has(key) ? undefined : recipe.weights.get(key)),
    parallelRuns: recipe.parts,
  });
  const optimizer = await Optimizer.load(options.optimizer, tensors, engine, recipe.parts).catch(
    async (error: Error) => {
      await session.release();
      throw error;
    },
  );
  const averages = (): TrainedValues =>
    new Map([
      ...[...tensors].map(([key, { shape, average }]) => [key, { shape, data: average }] as const),
      ...still,
    ]);
  // Memory of a step, used again by the next.
  const gradients = Array.from({ length: recipe.parts }, () =>
    Object.fromEntries(
      [...tensors].map(([key, { data }]) => [gradientName(key), sharedFloats(new Float32Array(data.length))]),
    ),
  );
  const sum = new GradientSum([...tensors].map(([key, { data }]) => [key, data.length] as const));
  let step = restored?.step ?? 0;
  let written = restored?.step;
  let measures: MovingMeasures = restored?.measures ?? NO_MEASURES;
  let losses: LossHistory = restored?.losses ?? NO_LOSSES;
  /** The step that the moving average has come to. */
  let averaged = step;
  const average = (): void => {
    if (averaged === step) return;
    for (const tensor of tensors.values()) averageStep(tensor, step, options.averageDecay);
    averaged = step;
  };
  const writeState = async (): Promise<void> => {
    await writeCheckpoint(
      checkpoint.path,
      { step, tensors, measures, losses, sources },
      checkpoint.fingerprint,
    );
    written = step;
  };

  let next = recipe.batch(step * runsPerStep);
  next.catch(() => undefined); // Reported when it is awaited.
  try {
    yield {
      kind: 'start',
      step,
      steps,
      trainedNumbers: [...tensors.values()].reduce((n, { data }) => n + data.length, 0),
    };
    if (restored !== undefined) yield* changes(restored.sources, sources, step);
    const pace = new Pace(performance.now());
    while (step < steps) {
      if (abortSignal?.aborted) {
        average();
        const isWhole = brokenTensor(tensors) === undefined && !hasExploded(losses);
        if (written !== step && isWhole) await writeState();
        throw stopped(abortSignal, checkpoint.path, written);
      }
      const share = 1 / (runsPerStep * recipe.parts);
      const values: Record<string, number> = {};
      for (let run = 0; run < runsPerStep; run++) {
        const batch = await next;
        const parameters = parameterInputs(tensors);
        const parts = partsOf(batch, recipe.parts).map((part, index) =>
          session.run({ ...part, ...parameters }, { into: gradients[index] ?? {} }),
        );
        // While the engine works, which only reads the parameters: the next batch, and the last step's average.
        next = recipe.batch(step * runsPerStep + run + 1);
        next.catch(() => undefined);
        average();
        // Added up in their order, whichever ends first.
        for (const [index, { tensors: outputs }] of (await Promise.all(parts)).entries()) {
          sum.add((key) => outputs[gradientName(key)]?.data as Float32Array, run + index === 0);
          addMeasures(outputs, values, share);
        }
      }
      step += 1;
      const norm = share * sum.norm;
      const { loss = Number.NaN, ...others } = values;
      const learningRate = learningRateAt(step, steps, options.learningRate);
      if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
        const what = `the loss is ${loss} and the gradient's norm ${norm}, expected finite numbers`;
        throw diverged(step, what, written);
      }
      const scale = Math.min(1, options.maxGradientNorm / (norm + 1e-6));
      await optimizer.step(sum.gradients, { step, learningRate, scale: scale * share });
      measures = withMeasures(measures, others);
      losses = withLoss(losses, loss);
      pace.stepEnded(performance.now());
      yield {
        kind: 'step',
        step,
        steps,
        loss,
        measures: others,
        gradientNorm: norm,
        learningRate,
        clipsPerSecond: (recipe.clipsPerRun * runsPerStep) / pace.secondsPerStep,
        secondsLeft: (steps - step) * pace.secondsPerStep,
      };
      if (step % checkpoint.everySteps === 0 || step === steps) {
        average();
        const broken = brokenTensor(tensors);
        if (broken !== undefined) throw diverged(step, `${broken} has grown beyond half precision`, written);
        if (hasExploded(losses)) {
          const what = `the loss is ${losses.recent.toPrecision(3)} where it began with ${losses.first.toPrecision(3)}`;
          throw diverged(step, what, written);
        }
        // The model first: a run that is killed in between makes it again.
        await saveModel(modelFolder, `step-${String(step).padStart(6, '0')}`, (folder, previous) =>
          recipe.save(folder, averages(), { measures: measures.means, previous }),
        );
        await writeState();
        yield { kind: 'checkpoint', step };
      }
    }
    yield { kind: 'end', step };
  } finally {
    await optimizer.dispose();
    await session.release();
  }
}

function stopped({ reason }: AbortSignal, checkpoint: string, step: number | undefined): AidError {
  const where =
    step === undefined ? 'before the first step' : `after step ${step}, which ${checkpoint} holds`;
  return new AidError('aborted', `stopped ${where}`, { cause: reason });
}

function* changes(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
  step: number,
): Generator<TrainEvent> {
  for (const [name, was] of Object.entries(before)) {
    const is = now[name];
    if (is === was) continue;
    yield {
      kind: 'warning',
      message: `${name}: ${was} until step ${step}, ${is ?? 'nothing'} now; the losses will differ from those of a run that was not stopped`,
    };
  }
}

function diverged(step: number, what: string, written: number | undefined): AidError {
  const kept =
    written === undefined || written === 0
      ? 'there is no earlier checkpoint'
      : `the checkpoint of step ${written} and its model stay as they are`;
  return new AidError(
    'engine-failed',
    `step ${step}: ${what}; ${kept}; lower the learning rate, in another output folder`,
  );
}

/** The largest number of half precision, in which models are saved. */
const LARGEST_HALF = 65504;

/** A trained tensor that cannot be gone on with or saved. */
function brokenTensor(tensors: ReadonlyMap<string, TrainedTensor>): string | undefined {
  for (const [key, { data, average }] of tensors) {
    if (!data.every(Number.isFinite)) return key;
    if (!average.every((value) => Math.abs(value) <= LARGEST_HALF)) return key;
  }
  return undefined;
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

/** Adds a run's share of each measure to the step's. */
function addMeasures(
  outputs: Readonly<Record<string, Tensor>>,
  measures: Record<string, number>,
  share: number,
): void {
  for (const [name, { data }] of Object.entries(outputs)) {
    if (!name.startsWith('gradient/')) measures[name] = (measures[name] ?? 0) + Number(data[0]) * share;
  }
}
