/** Networks whose outputs stand for a clip or a picture. Their weights are the user's own. */
import { AidError } from '../../errors.js';
import { i3d, i3dConfig } from '../../models/inception/i3d.js';
import { inceptionConfig, inceptionV3 } from '../../models/inception/inception-v3.js';
import { Graph } from '../../onnx/graph.js';
import { Scope } from '../../onnx/scope.js';
import type { Engine, GraphSession } from '../../runtime/engine.js';
import type { FloatTensor } from '../../runtime/tensor.js';
import { checkWeights } from '../../weights/check-weights.js';
import { inspectWeights } from '../../weights/inspect-weights.js';
import { readSafetensorsHeader, type StoredTensor } from '../../weights/safetensors.js';
import type { FeatureSet } from './feature-set.js';

export type FeatureNetworkName = 'i3d' | 'inception-v3';

/** What checkpoints hold beside: counters of training, and heads that are not used. */
const UNUSED = /num_batches_tracked$|^AuxLogits\.|^fc\./;
const FIRST: Readonly<Record<FeatureNetworkName, readonly [key: string, channels: number]>> = {
  i3d: ['Conv3d_1a_7x7.conv3d.weight', 64],
  'inception-v3': ['Conv2d_1a_3x3.conv.weight', 32],
};

export class FeatureNetwork {
  readonly #sessions = new Map<string, GraphSession>();

  private constructor(
    readonly name: FeatureNetworkName,
    readonly path: string,
    /** Over all tensors: see `inspectWeights`. */
    readonly sha256: string,
    private readonly engine: Engine,
    private readonly tensors: ReadonlyMap<string, StoredTensor>,
  ) {}

  /** `path`: a safetensors file with the keys of the network's public PyTorch port. Errors: `invalid-weights`. */
  static async load(engine: Engine, name: FeatureNetworkName, path: string): Promise<FeatureNetwork> {
    const tensors = new Map([...readSafetensorsHeader(path)].filter(([key]) => !UNUSED.test(key)));
    const [first] = FIRST[name];
    if (!tensors.has(first))
      throw new AidError('invalid-weights', `${path}: expected ${name}'s weights, with a tensor ${first}`);
    const { sha256 } = await inspectWeights(tensors);
    return new FeatureNetwork(name, path, sha256, engine, tensors);
  }

  /** One row of features for each input. */
  async features(inputs: AsyncIterable<FloatTensor> | Iterable<FloatTensor>): Promise<FeatureSet> {
    const rows: Float32Array[] = [];
    for await (const pixels of inputs) {
      const { tensors } = await (await this.#session(pixels.dims)).run({ pixels });
      rows.push(tensors.features?.data as Float32Array);
    }
    const width = rows[0]?.length ?? 0;
    const values = new Float64Array(rows.length * width);
    rows.forEach((row, index) => {
      values.set(row, index * width);
    });
    return { count: rows.length, width, values };
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }

  async #session(dims: readonly number[]): Promise<GraphSession> {
    const key = dims.join('x');
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const graph = new Graph(this.name);
    const pixels = graph.input('pixels', 'float32', dims);
    const [first, channels] = FIRST[this.name];
    const width = (this.tensors.get(first)?.shape[0] ?? channels) / channels;
    const classes = this.tensors.get('logits.conv3d.bias')?.shape[0] ?? 400;
    const features =
      this.name === 'i3d'
        ? i3d(new Scope(graph), pixels, i3dConfig.parse({ num_classes: classes, width }))
        : inceptionV3(new Scope(graph), pixels, inceptionConfig.parse({ width }));
    graph.output('features', features);
    checkWeights(this.path, [graph], this.tensors);
    const session = await this.engine.load(graph, { weights: (name) => this.tensors.get(name) });
    this.#sessions.set(key, session);
    return session;
  }
}
