/** How unlike frames look. The weights of the backbone are the user's own. */
import { fileURLToPath } from 'node:url';
import type { Frame } from '../../conditioning/frame.js';
import { frameToPixels } from '../../conditioning/image-tensors.js';
import { AidError } from '../../errors.js';
import { lpips, lpipsConfig } from '../../models/lpips.js';
import { Graph } from '../../onnx/graph.js';
import { Scope } from '../../onnx/scope.js';
import type { Engine } from '../../runtime/engine.js';
import { type FloatTensor, floatTensor } from '../../runtime/tensor.js';
import { inspectWeights } from '../../weights/inspect-weights.js';
import { readSafetensorsHeader, type StoredTensor } from '../../weights/safetensors.js';
import { NetworkOfAnySize } from './network-of-any-size.js';

/** The published ones of version 0.1 on AlexNet: see `models/lpips/README.md`. */
const LINEAR_WEIGHTS = fileURLToPath(new URL('../../../../models/lpips/linear.safetensors', import.meta.url));
const BACKBONE = /^features\./;
const LINEAR = /^lin\d\./;
const FIRST = 'features.0.weight';
/** Of the first layer of the published network. */
const CHANNELS = 64;

export class LpipsNetwork {
  private constructor(
    readonly path: string,
    /** Over the backbone's and the linear tensors: see `inspectWeights`. */
    readonly sha256: string,
    private readonly network: NetworkOfAnySize,
  ) {}

  /**
   * `path`: a safetensors file of torchvision's AlexNet, its classifier aside. Linear weights in it stand for the
   * published ones. Errors: `invalid-weights`.
   */
  static async load(engine: Engine, path: string): Promise<LpipsNetwork> {
    const stored = [...readSafetensorsHeader(path)];
    const linear = stored.filter(([key]) => LINEAR.test(key));
    const tensors = new Map([
      ...stored.filter(([key]) => BACKBONE.test(key)),
      ...(linear.length > 0 ? linear : readSafetensorsHeader(LINEAR_WEIGHTS)),
    ]);
    if (!tensors.has(FIRST))
      throw new AidError('invalid-weights', `${path}: expected AlexNet's weights, with a tensor ${FIRST}`);
    const { sha256 } = await inspectWeights(tensors);
    const network = new NetworkOfAnySize(engine, path, tensors, (dims) => graphOf(dims, tensors));
    return new LpipsNetwork(path, sha256, network);
  }

  /** Of each frame of one clip from that of the other; 0 for the same picture. Errors: `engine-failed`. */
  async distances(a: readonly Frame[], b: readonly Frame[]): Promise<Float32Array> {
    const { distance } = await this.network.run({ a: await pixelsOf(a), b: await pixelsOf(b) });
    return distance?.data as Float32Array;
  }

  release(): Promise<void> {
    return this.network.release();
  }
}

function graphOf(dims: readonly number[], tensors: ReadonlyMap<string, StoredTensor>): Graph {
  const graph = new Graph('lpips');
  const [a, b] = [graph.input('a', 'float32', dims), graph.input('b', 'float32', dims)];
  const width = (tensors.get(FIRST)?.shape[0] ?? CHANNELS) / CHANNELS;
  graph.output('distance', lpips(new Scope(graph), a, b, lpipsConfig.parse({ width })));
  return graph;
}

/** [F, 3, H, W] in [-1, 1] */
async function pixelsOf(frames: readonly Frame[]): Promise<FloatTensor> {
  const [{ width, height } = { width: 0, height: 0 }] = frames;
  const size = 3 * width * height;
  const data = new Float32Array(frames.length * size);
  for (const [index, frame] of frames.entries())
    data.set(await frameToPixels(frame, { width, height, fit: 'fill' }), index * size);
  return floatTensor([frames.length, 3, height, width], data);
}
