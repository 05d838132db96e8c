import { afterAll, describe, expect, it } from 'vitest';
import { Graph, type Value } from '#planner/onnx/graph.js';
import { linear } from '#planner/onnx/layers/linear.js';
import { ATTENTION, lower, lowerAttention, lowerCosine, lowerSine } from '#planner/onnx/lower.js';
import { attention } from '#planner/onnx/ops/attention.js';
import { add, cos, sin } from '#planner/onnx/ops/elementwise.js';
import { Scope } from '#planner/onnx/scope.js';
import { BATCH } from '#planner/onnx/shape.js';
import { Random } from '#planner/random.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { floatTensor } from '#planner/runtime/tensor.js';
import { noWeights } from '#planner/runtime/weight-source.js';

const engine = new OnnxRuntimeEngine({ threads: 1 });
afterAll(() => engine.dispose());

/** An attention block of any batch, with or without a bias on its scores. */
function block(withBias: boolean): Graph {
  const graph = new Graph('block');
  const x = graph.input('x', 'float32', [BATCH, 6, 8]);
  const tokens = graph.input('tokens', 'float32', [BATCH, 3, 8]);
  const bias: Value | undefined = withBias
    ? graph.floats(new Random(2).normals(18), [1, 1, 6, 3])
    : undefined;
  const options = bias === undefined ? { heads: 2 } : { heads: 2, bias };
  graph.output('y', add(x, linear(new Scope(graph).at('out'), attention(x, tokens, tokens, options), 8)));
  return graph;
}

describe('lower', () => {
  it.each([false, true])('computes the same without the operator (bias: %s)', async (withBias) => {
    const graph = block(withBias);
    const lowered = lower(graph, new Map([[ATTENTION, lowerAttention]]));
    expect(graph.nodes.some(({ operator }) => operator === 'MultiHeadAttention')).toBe(true);
    expect(lowered.nodes.some(({ operator }) => operator === 'MultiHeadAttention')).toBe(false);
    const random = new Random(1);
    const tensor = (...dims: number[]) => floatTensor(dims, random.normals(dims.reduce((a, b) => a * b, 1)));
    const inputs = {
      x: tensor(2, 6, 8),
      tokens: tensor(2, 3, 8),
      'out.weight': tensor(8, 8),
      'out.bias': tensor(8),
    };
    const [expected, actual] = await Promise.all(
      [graph, lowered].map(async (each) => {
        const session = await engine.load(each, { weights: noWeights });
        return (await session.run(inputs)).tensors['y'];
      }),
    );
    expect(actual?.dims).toEqual(expected?.dims);
    expected?.data.forEach((value, i) => {
      expect(actual?.data[i]).toBeCloseTo(Number(value), 5);
    });
  });

  it('computes sine and cosine to the last digits, of large angles too', async () => {
    const graph = new Graph('circle');
    const angles = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 4);
    const x = graph.input('x', 'float32', [angles.length]);
    graph.output('sine', sin(x));
    graph.output('cosine', cos(x));
    const lowered = lower(
      graph,
      new Map([
        ['Sin', lowerSine],
        ['Cos', lowerCosine],
      ]),
    );
    expect(lowered.nodes.map(({ operator }) => operator)).not.toContain('Sin');
    const session = await engine.load(lowered, { weights: noWeights });
    const { tensors } = await session.run({ x: floatTensor([angles.length], angles) });
    let error = 0;
    angles.forEach((angle, i) => {
      error = Math.max(error, Math.abs(Math.sin(angle) - Number(tensors['sine']?.data[i])));
      error = Math.max(error, Math.abs(Math.cos(angle) - Number(tensors['cosine']?.data[i])));
    });
    expect(error).toBeLessThan(1e-6);
  });

  it('keeps inputs, parameters and outputs as they were, and the given graph too', () => {
    const graph = block(true);
    const before = graph.nodes.length;
    const lowered = lower(graph, new Map([[ATTENTION, lowerAttention]]));
    expect(graph.nodes).toHaveLength(before);
    expect(lowered.inputs.map(({ name, shape }) => [name, shape])).toEqual(
      graph.inputs.map(({ name, shape }) => [name, shape]),
    );
    expect([...lowered.parameters.keys()]).toEqual(['out.weight', 'out.bias']);
    expect(lowered.outputs.get('y')?.shape).toEqual(graph.outputs.get('y')?.shape);
  });
});
