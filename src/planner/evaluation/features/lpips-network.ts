/** How unlike frames look. The weights of the backbone are the user's own. */
import { fileURLToPath } from 'node:url';
import type { Frame } from '../../conditioning/frame.js';
import { AidError } from '../../errors.js';
import { lpips, lpipsConfig } from '../../models/lpips.js';
import { Graph } from '../../onnx/graph.js';
import { Scope } from '../../onnx/scope.js';
import type { Engine, GraphSession } from '../../runtime/engine.js';
import { type FloatTensor, floatTensor } from '../../runtime/tensor.js';
import { checkWeights } from '../../weights/check-weights.js';
import { inspectWeights } from '../../weights/inspect-weights.js';
import { readSafetensorsHeader, type StoredTensor } from '../../weights/safetensors.js';

/** The published ones of version 0.1 on AlexNet: see `models/lpips/README.md`. */
const LINEAR_WEIGHTS = fileURLToPath(new URL('../../../../models/lpips/linear.safetensors', import.meta.url));
const BACKBONE = /^features\./;
const LINEAR = /^lin\d\./;
const FIRST = 'features.0.weight';
/** Of the first layer of the published network. */
const CHANNELS = 64;

export class LpipsNetwork {
  readonly #sessions = new Map<string, GraphSession>();

  private constructor(
    readonly path: string,
    /** Over the backbone's and the linear tensors: see `inspectWeights`. */
    readonly sha256: string,
    private readonly engine: Engine,
    private readonly tensors: ReadonlyMap<string, StoredTensor>,
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
    return new LpipsNetwork(path, sha256, engine, tensors);
  }

  /** Of each frame of one clip from that of the other; 0 for the same picture. Errors: `engine-failed`. */
  async distances(a: readonly Frame[], b: readonly Frame[]): Promise<Float32Array> {
    const inputs = { a: pixelsOf(a), b: pixelsOf(b) };
    const { tensors } = await (await this.#session(inputs.a.dims)).run(inputs);
    return tensors.distance?.data as Float32Array;
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }

  async #session(dims: readonly number[]): Promise<GraphSession> {
    const key = dims.join('x');
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const graph = new Graph('lpips');
    const [a, b] = [graph.input('a', 'float32', dims), graph.input('b', 'float32', dims)];
    const width = (this.tensors.get(FIRST)?.shape[0] ?? CHANNELS) / CHANNELS;
    graph.output('distance', lpips(new Scope(graph), a, b, lpipsConfig.parse({ width })));
    checkWeights(this.path, [graph], this.tensors);
    const session = await this.engine.load(graph, { weights: (name) => this.tensors.get(name) });
    this.#sessions.set(key, session);
    return session;
  }
}

/** [F, 3, H, W] in [-1, 1] */
function pixelsOf(frames: readonly Frame[]): FloatTensor {
  const [{ width, height } = { width: 0, height: 0 }] = frames;
  const size = width * height;
  const data = new Float32Array(frames.length * 3 * size);
  frames.forEach((frame, index) => {
    for (let channel = 0; channel < 3; channel++)
      for (let pixel = 0; pixel < size; pixel++)
        data[(index * 3 + channel) * size + pixel] = (frame.data[pixel * 3 + channel] as number) / 127.5 - 1;
  });
  return floatTensor([frames.length, 3, height, width], data);
}
