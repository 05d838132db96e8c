import type { Graph } from '../../onnx/graph.js';
import type { Engine, GraphSession } from '../../runtime/engine.js';
import type { FloatTensor, Tensor } from '../../runtime/tensor.js';
import { checkWeights } from '../../weights/check-weights.js';
import type { StoredTensor } from '../../weights/safetensors.js';

/** A network with the user's weights, loaded once for each shape of its inputs. */
export class NetworkOfAnySize {
  readonly #sessions = new Map<string, GraphSession>();

  constructor(
    private readonly engine: Engine,
    /** Of the weights, for messages. */
    private readonly path: string,
    private readonly tensors: ReadonlyMap<string, StoredTensor>,
    /** The network for inputs that all have this shape. */
    private readonly graphFor: (dims: readonly number[]) => Graph,
  ) {}

  /** Errors: `invalid-weights`, `engine-failed`. */
  async run(inputs: Readonly<Record<string, FloatTensor>>): Promise<Readonly<Record<string, Tensor>>> {
    const [{ dims } = { dims: [] }] = Object.values(inputs);
    const { tensors } = await (await this.#session(dims)).run(inputs);
    return tensors;
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }

  async #session(dims: readonly number[]): Promise<GraphSession> {
    const key = dims.join('x');
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const graph = this.graphFor(dims);
    checkWeights(this.path, [graph], this.tensors);
    const session = await this.engine.load(graph, { weights: (name) => this.tensors.get(name) });
    this.#sessions.set(key, session);
    return session;
  }
}
