/** What turns gradients into steps: AdamW alone, or Muon for the matrices of hidden layers and AdamW for the rest. */
import type { Engine } from '../runtime/engine.js';
import { adamWStep, type TrainedTensor } from './adamw.js';
import { isHiddenMatrix, Muon } from './muon.js';

export interface OptimizerConfig {
  readonly name: 'adamw' | 'muon';
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly momentum: number;
}

export interface OptimizerStep {
  /** Counts from 1. */
  readonly step: number;
  readonly learningRate: number;
  /** What the gradients are multiplied by first. */
  readonly scale: number;
}

export class Optimizer {
  readonly #config: OptimizerConfig;
  readonly #tensors: ReadonlyMap<string, TrainedTensor>;
  readonly #isMatrix: (key: string) => boolean;
  readonly #muon: Muon | undefined;

  private constructor(
    config: OptimizerConfig,
    tensors: ReadonlyMap<string, TrainedTensor>,
    matrices: ReadonlyMap<string, readonly number[]>,
    muon: Muon | undefined,
  ) {
    this.#config = config;
    this.#tensors = tensors;
    this.#isMatrix = (key) => matrices.has(key);
    this.#muon = muon;
  }

  /** `parts`: matrices that are worked on at the same time. */
  static async load(
    config: OptimizerConfig,
    tensors: ReadonlyMap<string, TrainedTensor>,
    engine: Engine,
    parts: number,
  ): Promise<Optimizer> {
    const shapes = [...tensors].map(([key, { shape }]) => [key, shape] as const);
    const matrices = new Map(
      config.name === 'muon' ? shapes.filter(([key, shape]) => isHiddenMatrix(key, shape)) : [],
    );
    const muon = matrices.size === 0 ? undefined : await Muon.load(engine, matrices, parts);
    return new Optimizer(config, tensors, matrices, muon);
  }

  /** Updates the tensors in place. */
  async step(
    gradients: ReadonlyMap<string, Float32Array>,
    { step, learningRate, scale }: OptimizerStep,
  ): Promise<void> {
    const matrices = this.#muon?.step(this.#tensors, gradients, { learningRate, scale }, this.#config);
    for (const [key, gradient] of gradients) {
      if (this.#isMatrix(key)) continue;
      adamWStep(
        this.#tensors.get(key) as TrainedTensor,
        gradient,
        { step, learningRate, scale },
        this.#config,
      );
    }
    await matrices;
  }

  /** Frees the engine's memory. */
  async dispose(): Promise<void> {
    await this.#muon?.dispose();
  }
}
