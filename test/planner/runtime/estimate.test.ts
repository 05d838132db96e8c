import { describe, expect, it } from 'vitest';
import { Graph } from '#planner/onnx/graph.js';
import { gelu } from '#planner/onnx/ops/activation.js';
import { attention } from '#planner/onnx/ops/attention.js';
import { add } from '#planner/onnx/ops/elementwise.js';
import { reshape, transpose } from '#planner/onnx/ops/layout.js';
import { convolution, gemm, matMul } from '#planner/onnx/ops/product.js';
import { BATCH } from '#planner/onnx/shape.js';
import { graphCost, secondsOf } from '#planner/runtime/estimate.js';

const FLOAT = 4;

describe('the floating-point operations of', () => {
  it('a matrix product are 2 M N K for each of the batch', () => {
    const graph = new Graph('product');
    const x = graph.input('x', 'float32', [BATCH, 5, 7]);
    graph.output('y', matMul(x, graph.parameter('w', [7, 11])));
    expect(graphCost(graph).flops).toBe(2 * 5 * 7 * 11);
    expect(graphCost(graph, 3).flops).toBe(3 * 2 * 5 * 7 * 11);
    expect(graphCost(graph, 3).parameterBytes).toBe(FLOAT * 7 * 11);
  });

  it('a product of transposed matrices count what is summed over', () => {
    const graph = new Graph('gemm');
    const a = graph.input('a', 'float32', [7, 5]);
    const b = graph.input('b', 'float32', [11, 7]);
    graph.output('y', gemm(a, b, null, { transA: true, transB: true }));
    expect(graphCost(graph).flops).toBe(2 * 5 * 7 * 11);
  });

  it('a convolution are those of its windows', () => {
    const graph = new Graph('convolution');
    const x = graph.input('x', 'float32', [2, 8, 10, 6]);
    const weight = graph.parameter('w', [4, 8, 3, 3]);
    graph.output('y', convolution(x, weight, null, { stride: 2, padding: [1, 1, 1, 1] }));
    expect(graphCost(graph).flops).toBe(2 * (2 * 4 * 5 * 3) * (8 * 9));
  });

  it('attention are those of the scores and of their sums of values', () => {
    const graph = new Graph('attention');
    const query = graph.input('q', 'float32', [BATCH, 5, 8]);
    const key = graph.input('k', 'float32', [BATCH, 7, 8]);
    const value = graph.input('v', 'float32', [BATCH, 7, 8]);
    graph.output('y', attention(query, key, value, { heads: 2 }));
    expect(graphCost(graph, 3).flops).toBe(3 * 2 * (2 * 5 * 7 * 8));
  });

  it('what no output needs are none', () => {
    const graph = new Graph('dead');
    const x = graph.input('x', 'float32', [4, 4]);
    matMul(x, graph.parameter('w', [4, 4]));
    graph.output('y', gelu(x));
    expect(graphCost(graph)).toMatchObject({ flops: 0, parameterBytes: 0 });
  });
});

describe('the memory of activations', () => {
  it('is that of the two ends of a step in a chain, however long', () => {
    const graph = new Graph('chain');
    let x = graph.input('x', 'float32', [10, 10]);
    for (let i = 0; i < 5; i++) x = gelu(x);
    graph.output('y', x);
    expect(graphCost(graph).activationBytes).toBe(2 * FLOAT * 100);
  });

  it('holds what is needed again later', () => {
    const graph = new Graph('residual');
    const x = graph.input('x', 'float32', [10, 10]);
    graph.output('y', add(x, gelu(gelu(x))));
    expect(graphCost(graph).activationBytes).toBe(3 * FLOAT * 100);
  });

  it('counts what only looks different once, and what is moved twice', () => {
    const views = (build: typeof transpose): number => {
      const graph = new Graph('views');
      const x = graph.input('x', 'float32', [10, 10]);
      graph.output('y', build(x, [1, 0]));
      return graphCost(graph).activationBytes;
    };
    expect(views((x) => reshape(x, [4, 25]))).toBe(FLOAT * 100);
    expect(views(transpose)).toBe(2 * FLOAT * 100);
  });
});

it('takes as long as the arithmetic or the memory of each operator, whichever is longer', () => {
  const graph = new Graph('both');
  const x = graph.input('x', 'float32', [100, 100]);
  graph.output('y', gelu(reshape(matMul(x, x), [10_000])));
  const speed = { flopsPerSecond: 1e6, bytesPerSecond: 1e6, secondsPerNode: 0.5 };
  const product = (2 * 100 ** 3) / 1e6;
  const activation = (2 * FLOAT * 100 ** 2) / 1e6;
  expect(secondsOf(graphCost(graph), speed)).toBeCloseTo(0.5 + product + 0.5 + activation, 9);
});
