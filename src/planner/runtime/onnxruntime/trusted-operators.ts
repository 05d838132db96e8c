/**
 * Operators that a provider may have a wrong or a rough kernel for, found out by running each once.
 * onnxruntime's fused attention on `webgpu` counts keys twice where a GPU's subgroups have fewer than 8 lanes,
 * as those of the software driver SwiftShader do, and has skipped keys on other GPUs in some releases; both in
 * silence. A GPU's own sine may be 5e-4 off and is the worse the larger the angle; the noise level goes through it.
 */
import { Graph } from '../../onnx/graph.js';
import {
  ATTENTION,
  type Lowering,
  type Lowerings,
  lowerAttention,
  lowerCosine,
  lowerSine,
} from '../../onnx/lower.js';
import { attention } from '../../onnx/ops/attention.js';
import { cos, sin } from '../../onnx/ops/elementwise.js';
import { Random } from '../../random.js';
import { type FloatTensor, floatTensor } from '../tensor.js';

/** A small graph whose output `y` is known. */
export interface Probe {
  readonly operator: string;
  /** What to do instead where the output is wrong. */
  readonly lowering: Lowering;
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, FloatTensor>>;
  readonly expected: Float64Array;
  /** Largest error, relative to the largest value, of a kernel that is only rounding. */
  readonly tolerance: number;
}

/** Runs the probes; the lowerings of those that came out wrong. */
export async function lowerUntrusted(
  run: (probe: Probe) => Promise<Float32Array>,
  probes: readonly Probe[] = [attentionProbe(), ...circleProbes()],
): Promise<Lowerings> {
  const lowerings = new Map<string, Lowering>();
  for (const probe of probes) {
    if (!agrees(await run(probe), probe)) lowerings.set(probe.operator, probe.lowering);
  }
  return lowerings;
}

function agrees(actual: Float32Array, { expected, tolerance }: Probe): boolean {
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return expected.every((value, i) => Math.abs((actual[i] ?? Number.NaN) - value) <= tolerance * scale);
}

/** Sine and cosine of angles as large as time ids are. */
function circleProbes(): Probe[] {
  const angles = Float32Array.from({ length: 128 }, (_, i) => Math.sinh((i - 64) / 10));
  const inputs = { x: floatTensor([angles.length], angles) };
  const probe = (
    operator: string,
    lowering: Lowering,
    op: typeof sin,
    known: (x: number) => number,
  ): Probe => {
    const graph = new Graph(`${operator} probe`);
    graph.output('y', op(graph.input('x', 'float32', [angles.length])));
    const expected = Float64Array.from(angles, known);
    return { operator, lowering, graph, inputs, expected, tolerance: 1e-5 };
  };
  return [probe('Sin', lowerSine, sin, Math.sin), probe('Cos', lowerCosine, cos, Math.cos)];
}

/** Enough queries for the kernel of long sequences, and a number of keys that no block size divides. */
function attentionProbe(): Probe {
  const [batch, heads, width, queries, keys] = [2, 2, 16, 40, 75];
  const random = new Random(1);
  const tensor = (length: number): FloatTensor => {
    const dims = [batch, length, heads * width];
    return floatTensor(dims, random.normals(batch * length * heads * width));
  };
  const inputs = { query: tensor(queries), key: tensor(keys), value: tensor(keys) };
  const graph = new Graph('attention probe');
  const [query, key, value] = Object.entries(inputs).map(([name, { dims }]) =>
    graph.input(name, 'float32', dims),
  );
  if (!query || !key || !value) throw new TypeError('unreachable');
  graph.output('y', attention(query, key, value, { heads }));

  // softmax(q k^T / sqrt(width)) v, one row after another.
  const expected = new Float64Array(inputs.query.data.length);
  const rowOf = (b: number, length: number, position: number, head: number): number =>
    ((b * length + position) * heads + head) * width;
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < queries; i++) {
        const q = rowOf(b, queries, i, head);
        const weights = Array.from({ length: keys }, (_, j) => {
          const k = rowOf(b, keys, j, head);
          let dot = 0;
          for (let c = 0; c < width; c++)
            dot += (inputs.query.data[q + c] as number) * (inputs.key.data[k + c] as number);
          return Math.exp(dot / Math.sqrt(width));
        });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        weights.forEach((weight, j) => {
          const v = rowOf(b, keys, j, head);
          for (let c = 0; c < width; c++)
            expected[q + c] =
              (expected[q + c] as number) + (weight / total) * (inputs.value.data[v + c] as number);
        });
      }
    }
  }
  return { operator: ATTENTION, lowering: lowerAttention, graph, inputs, expected, tolerance: 1e-3 };
}
