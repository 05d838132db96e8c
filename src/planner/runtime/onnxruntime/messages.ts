/** What the engine and its worker say to each other. */
import type { ExecutionProvider } from '../engine.js';
import type { Tensor } from '../tensor.js';

export interface SessionRequest {
  readonly kind: 'load';
  readonly session: number;
  readonly model: Uint8Array;
  /** The folder that external weights are named from. */
  readonly weightFolder: string;
  readonly provider: ExecutionProvider;
  readonly threads: number;
  /** Whether memory goes back to the system as soon as it is not used, which costs some time. */
  readonly sparesMemory: boolean;
}

export interface RunRequest {
  readonly kind: 'run';
  readonly session: number;
  readonly inputs: Readonly<Record<string, Tensor | { readonly resident: number }>>;
  /** Number under which each kept output is to be remembered. */
  readonly keep: Readonly<Record<string, number>>;
  /** Shared memory for outputs. */
  readonly into: Readonly<Record<string, Float32Array>>;
}

export type WorkerRequest =
  | SessionRequest
  | RunRequest
  | { readonly kind: 'release-session'; readonly session: number }
  | { readonly kind: 'release-tensor'; readonly resident: number };

export interface LoadReply {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}
export interface RunReply {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly residentDims: Readonly<Record<string, readonly number[]>>;
}

export type Reply =
  | { readonly ok: true; readonly reply: LoadReply | RunReply | null }
  | { readonly ok: false; readonly message: string };
