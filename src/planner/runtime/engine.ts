/** What runs a graph. The planner knows only this. */
import type { Graph } from '../onnx/graph.js';
import type { Tensor } from './tensor.js';
import type { WeightSource } from './weight-source.js';

/** Where the arithmetic happens. */
export const EXECUTION_PROVIDERS = ['cpu', 'webgpu', 'cuda', 'tensorrt'] as const;
export type ExecutionProvider = (typeof EXECUTION_PROVIDERS)[number];

/** A tensor that stays with the engine, so that it need not travel at every run. */
export interface ResidentTensor {
  readonly dims: readonly number[];
  /** Forgets it; using it afterwards is an error. Calling twice is allowed. */
  release(): Promise<void>;
}

export type RunInput = Tensor | ResidentTensor;

export interface RunOptions {
  /** Outputs that stay with the engine. */
  readonly keep?: readonly string[];
  /** Memory from `sharedFloats` that outputs are written to, so that none has to be found at every run. */
  readonly into?: Readonly<Record<string, Float32Array>>;
  /**
   * Ends a run that the engine was not given yet, and one that a server computes. Any other cannot be stopped: it is
   * waited for.
   */
  readonly abortSignal?: AbortSignal | undefined;
}

export interface RunResult {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly resident: Readonly<Record<string, ResidentTensor>>;
}

/** One loaded graph. */
export interface GraphSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Runs once; concurrent calls queue. Errors: `engine-failed`, `invalid-argument`, `aborted`. */
  run(inputs: Readonly<Record<string, RunInput>>, options?: RunOptions): Promise<RunResult>;
  /** Frees the session's memory. */
  release(): Promise<void>;
}

export interface LoadOptions {
  /** Where each parameter's numbers are. A parameter that it does not know is a graph input. */
  readonly weights: WeightSource;
  /** SHA-256 of all weights of the model, by which an engine that has them elsewhere finds them. */
  readonly weightsSha256?: string;
  /**
   * Runs that are to go on at the same time, 1 unless said otherwise. Where runs are many small operators, two at
   * once on a core each take less time than one after the other on both. Outputs cannot be kept then.
   */
  readonly parallelRuns?: number;
  /**
   * Whether weights in half precision become single precision at every run, not once when the graph is loaded: a
   * third of the memory, for some time. Unless said otherwise it follows from their size.
   */
  readonly castAtRun?: boolean;
}

export interface EngineDescription {
  readonly name: string;
  /** `remote` where a server computes. */
  readonly provider: ExecutionProvider | 'remote';
  /** Threads of the CPU; 0 where that is for a server to say. */
  readonly threads: number;
  /** Address of the server, where there is one. */
  readonly server?: string;
}

export interface Engine {
  readonly description: EngineDescription;
  load(graph: Graph, options: LoadOptions): Promise<GraphSession>;
  /** Frees everything, sessions too. */
  dispose(): Promise<void>;
}
