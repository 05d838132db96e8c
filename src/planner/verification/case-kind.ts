import type { Engine } from '../runtime/engine.js';
import type { Case } from './case.js';

/** Numbers that came out, or should have. */
export interface Output {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number>;
}
export type Outputs = ReadonlyMap<string, Output>;

/** What has to be known of one kind of case. */
export interface CaseKind {
  /** Largest error that passes, relative to the largest value expected; in single precision on a CPU. */
  readonly tolerance: number;
  /** Tensors of io.safetensors that go in. All others are expected to come out. */
  readonly inputs: readonly string[];
  /** Everything that comes out. Errors: AidError of whatever is wrong with the case. */
  run(engine: Engine, given: Case): Promise<Outputs>;
  /** What is expected, where it does not stand in io.safetensors. */
  expected?(given: Case): Outputs;
}
