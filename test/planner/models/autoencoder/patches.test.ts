import { afterAll, expect, it } from 'vitest';
import { fromPatches, toPatches } from '#planner/models/autoencoder/patches.js';
import { Graph, type Value } from '#planner/onnx/graph.js';
import { BATCH } from '#planner/onnx/shape.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { floatTensor } from '#planner/runtime/tensor.js';
import { noWeights } from '#planner/runtime/weight-source.js';
import { readFloats, readSafetensorsHeader, type StoredTensor } from '#planner/weights/safetensors.js';
import { fixture } from '../../conditioning/temporary-folder.js';

const engine = new OnnxRuntimeEngine({ threads: 1 });
afterAll(() => engine.dispose());

async function ran(x: Float32Array, dims: readonly number[], build: (x: Value) => Value) {
  const graph = new Graph('patches');
  graph.output('y', build(graph.input('x', 'float32', [BATCH, ...dims])));
  const session = await engine.load(graph, { weights: noWeights });
  const { tensors } = await session.run({ x: floatTensor([1, ...dims], x) });
  return tensors['y'];
}

it('puts (dy, dx) of channel c in channel c*p*p + dy*p + dx', async () => {
  // Two channels of 2x4.
  const pixels = Float32Array.from([0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17]);
  expect(await ran(pixels, [2, 2, 4], (x) => toPatches(x, 2))).toMatchObject({
    dims: [1, 8, 1, 2],
    data: Float32Array.from([0, 2, 1, 3, 4, 6, 5, 7, 10, 12, 11, 13, 14, 16, 15, 17]),
  });
});

it.each([2, 4])('by %d agrees with PyTorch, there and back', async (p) => {
  const stored = readSafetensorsHeader(fixture('images.safetensors'));
  const floats = (name: string) => readFloats(stored.get(name) as StoredTensor);
  const [wide, deep] = [floats('shuffle.wide'), floats(`shuffle.deep${p}`)];
  expect((await ran(wide, [3, 8, 12], (x) => toPatches(x, p)))?.data).toEqual(deep);
  const dims = [3 * p ** 2, 8 / p, 12 / p];
  expect((await ran(deep, dims, (x) => fromPatches(x, p)))?.data).toEqual(wide);
});
