/** What a training run trains, on what: the part that differs between the autoencoder, the backbone and AID. */
import type { Tensor } from '../runtime/tensor.js';
import type { StoredTensor } from '../weights/safetensors.js';
import type { TrainingGraph } from './training-graph.js';

/** Trained tensors by the graph's keys. */
export type TrainedValues = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly data: Float32Array }
>;

export interface SaveContext {
  /** The recipe's measures, means over the recent steps. */
  readonly measures: Readonly<Record<string, number>>;
  /** The folder of the last save, where there is one. */
  readonly previous: string | undefined;
}

export interface Recipe {
  readonly training: TrainingGraph;
  /** Clips of one batch. */
  readonly clipsPerRun: number;
  /** A batch goes through the graph in so many equal parts, which may run at the same time. */
  readonly parts: number;
  /** Tensors that exist already: frozen ones, and first values of trained ones. Keys as in the graph. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
  /**
   * Stand for the data and the base, by name, in words that change with them. Whoever goes on with a run is told when
   * they did: its losses are then others than those of a run that was not stopped.
   */
  readonly sources: Readonly<Record<string, string>>;
  /** The graph's data inputs for all parts of run `index`, a function of the run's seed and the index alone. */
  batch(index: number): Promise<Readonly<Record<string, Tensor>>>;
  /** Writes the networks with the given values as a model folder. */
  save(folder: string, trained: TrainedValues, context: SaveContext): Promise<void>;
}
