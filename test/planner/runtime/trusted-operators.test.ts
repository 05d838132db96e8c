import { afterAll, describe, expect, it } from 'vitest';
import { ATTENTION } from '#planner/onnx/lower.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { lowerUntrusted, type Probe } from '#planner/runtime/onnxruntime/trusted-operators.js';
import { noWeights } from '#planner/runtime/weight-source.js';

const engine = new OnnxRuntimeEngine({ threads: 1 });
afterAll(() => engine.dispose());

async function onCpu({ graph, inputs }: Probe): Promise<Float32Array> {
  const session = await engine.load(graph, { weights: noWeights });
  return (await session.run(inputs)).tensors['y']?.data as Float32Array;
}

describe('lowerUntrusted', () => {
  it('trusts an engine that gets attention, sine and cosine right', async () => {
    expect((await lowerUntrusted(onCpu)).size).toBe(0);
  });

  it.each<[string, (right: Float32Array) => Float32Array]>([
    [
      'wrong in one place',
      (right) => right.map((value, i) => (i === right.length - 1 ? value + 0.1 : value)),
    ],
    ['not a number', (right) => right.map(() => Number.NaN)],
    ['missing', () => new Float32Array()],
  ])('lowers what came out %s', async (_, spoil) => {
    const lowerings = await lowerUntrusted(async (probe) => spoil(await onCpu(probe)));
    expect([...lowerings.keys()]).toEqual([ATTENTION, 'Sin', 'Cos']);
  });
});
