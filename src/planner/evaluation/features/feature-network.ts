/** Networks whose outputs stand for a clip or a picture. Their weights are the user's own. */
import { AidError } from '../../errors.js';
import { i3d, i3dConfig } from '../../models/inception/i3d.js';
import { inceptionConfig, inceptionV3 } from '../../models/inception/inception-v3.js';
import { Graph } from '../../onnx/graph.js';
import { Scope } from '../../onnx/scope.js';
import type { Engine } from '../../runtime/engine.js';
import type { FloatTensor } from '../../runtime/tensor.js';
import { inspectWeights } from '../../weights/inspect-weights.js';
import { readSafetensorsHeader, type StoredTensor } from '../../weights/safetensors.js';
import type { FeatureSet } from './feature-set.js';
import { NetworkOfAnySize } from './network-of-any-size.js';

export type FeatureNetworkName = 'i3d' | 'inception-v3';

/** What checkpoints hold beside: counters of training, and heads that are not used. */
const UNUSED = /num_batches_tracked$|^AuxLogits\.|^fc\./;
const FIRST: Readonly<Record<FeatureNetworkName, readonly [key: string, channels: number]>> = {
  i3d: ['Conv3d_1a_7x7.conv3d.weight', 64],
  'inception-v3': ['Conv2d_1a_3x3.conv.weight', 32],
};

export class FeatureNetwork {
  private constructor(
    readonly name: FeatureNetworkName,
    readonly path: string,
    /** Over all tensors: see `inspectWeights`. */
    readonly sha256: string,
    private readonly network: NetworkOfAnySize,
  ) {}

  /** `path`: a safetensors file with the keys of the network's public PyTorch port. Errors: `invalid-weights`. */
  static async load(engine: Engine, name: FeatureNetworkName, path: string): Promise<FeatureNetwork> {
    const tensors = new Map([...readSafetensorsHeader(path)].filter(([key]) => !UNUSED.test(key)));
    const [first] = FIRST[name];
    if (!tensors.has(first))
      throw new AidError('invalid-weights', `${path}: expected ${name}'s weights, with a tensor ${first}`);
    const { sha256 } = await inspectWeights(tensors);
    const network = new NetworkOfAnySize(engine, path, tensors, (dims) => graphOf(name, dims, tensors));
    return new FeatureNetwork(name, path, sha256, network);
  }

  /** One row of features for each input. */
  async features(inputs: AsyncIterable<FloatTensor> | Iterable<FloatTensor>): Promise<FeatureSet> {
    const rows: Float32Array[] = [];
    for await (const pixels of inputs) {
      const { features } = await this.network.run({ pixels });
      rows.push(features?.data as Float32Array);
    }
    const width = rows[0]?.length ?? 0;
    const values = new Float64Array(rows.length * width);
    rows.forEach((row, index) => {
      values.set(row, index * width);
    });
    return { count: rows.length, width, values };
  }

  release(): Promise<void> {
    return this.network.release();
  }
}

function graphOf(
  name: FeatureNetworkName,
  dims: readonly number[],
  tensors: ReadonlyMap<string, StoredTensor>,
): Graph {
  const graph = new Graph(name);
  const pixels = graph.input('pixels', 'float32', dims);
  const [first, channels] = FIRST[name];
  const width = (tensors.get(first)?.shape[0] ?? channels) / channels;
  const classes = tensors.get('logits.conv3d.bias')?.shape[0] ?? 400;
  const features =
    name === 'i3d'
      ? i3d(new Scope(graph), pixels, i3dConfig.parse({ num_classes: classes, width }))
      : inceptionV3(new Scope(graph), pixels, inceptionConfig.parse({ width }));
  graph.output('features', features);
  return graph;
}
