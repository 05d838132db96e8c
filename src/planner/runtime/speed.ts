/** Measures, in about a second, how fast an engine computes here. */
import { Graph, type Value } from '../onnx/graph.js';
import { silu } from '../onnx/ops/activation.js';
import { add } from '../onnx/ops/elementwise.js';
import { transpose } from '../onnx/ops/layout.js';
import { matMul } from '../onnx/ops/product.js';
import { Random } from '../random.js';
import type { Engine } from './engine.js';
import { type EngineSpeed, graphCost } from './estimate.js';
import { floatTensor } from './tensor.js';
import { noWeights } from './weight-source.js';

const BUDGET_MS = 250;
/** A run that takes longer is large enough to tell. */
const LONG_MS = 50;

interface Trial {
  readonly name: string;
  readonly dims: readonly number[];
  readonly build: (x: Value) => Value;
}

/** The speed at sizes as a small model's layers have them. Errors: `engine-failed`. */
export async function measureSpeed(engine: Engine): Promise<EngineSpeed> {
  const products = await measure(
    engine,
    [32, 256, 1024].map((tokens) => ({
      name: 'products',
      dims: [384, 384],
      build: (x) => {
        let y = x.graph.filled(0.01, [tokens, 384]);
        for (let i = 0; i < 8; i++) y = matMul(y, x);
        return y;
      },
    })),
  );
  const traffic = await measure(
    engine,
    [1, 16].map((frames) => ({
      name: 'traffic',
      dims: [frames, 256, 256],
      build: (x) => {
        let y = x;
        for (let i = 0; i < 3; i++) y = add(transpose(silu(y), [0, 2, 1]), x);
        return y;
      },
    })),
  );
  const small = await measure(engine, [
    {
      name: 'small operators',
      dims: [1, 8],
      build: (x) => {
        let y = x;
        for (let i = 0; i < 64; i++) y = add(silu(y), x);
        return y;
      },
    },
  ]);
  return {
    flopsPerSecond: products.flops / products.seconds,
    bytesPerSecond: traffic.bytes / traffic.seconds,
    secondsPerNode: small.seconds / small.nodes,
  };
}

interface Measurement {
  /** Of the quickest run: whatever else the machine does only makes them longer. */
  readonly seconds: number;
  readonly flops: number;
  readonly bytes: number;
  readonly nodes: number;
}

/** The last trial, or the first one that takes long: a slow engine would be busy for minutes with the others. */
async function measure(engine: Engine, trials: readonly Trial[]): Promise<Measurement> {
  let measurement: Measurement = { seconds: Number.POSITIVE_INFINITY, flops: 0, bytes: 0, nodes: 1 };
  for (const [index, trial] of trials.entries()) {
    measurement = await measureOne(engine, trial, index === trials.length - 1 ? BUDGET_MS : 0);
    if (measurement.seconds * 1000 > LONG_MS) break;
  }
  return measurement;
}

async function measureOne(
  engine: Engine,
  { name, dims, build }: Trial,
  budgetMs: number,
): Promise<Measurement> {
  const graph = new Graph(name);
  graph.output('y', build(graph.input('x', 'float32', dims)));
  const { nodes, flops } = graphCost(graph);
  const session = await engine.load(graph, { weights: noWeights });
  try {
    const numbers = new Random(1).normals(dims.reduce((a, b) => a * b, 1)).map((value) => value / 100);
    const inputs = { x: floatTensor(dims, numbers) };
    // The first run prepares what the others need.
    await session.run(inputs);
    let shortestMs = Number.POSITIVE_INFINITY;
    const start = performance.now();
    do {
      const before = performance.now();
      await session.run(inputs);
      shortestMs = Math.min(shortestMs, performance.now() - before);
    } while (performance.now() - start < budgetMs);
    const bytes = nodes.reduce((sum, node) => sum + node.bytes, 0);
    return { seconds: shortestMs / 1000, flops, bytes, nodes: nodes.length };
  } finally {
    await session.release();
  }
}
