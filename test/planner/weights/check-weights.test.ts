import { describe, expect, it } from 'vitest';
import { Graph } from '#planner/onnx/graph.js';
import { checkWeights } from '#planner/weights/check-weights.js';
import type { StoredTensor } from '#planner/weights/safetensors.js';

const stored = (key: string, shape: readonly number[]): [string, StoredTensor] => [
  key,
  { key, file: 'f', type: 'F32', shape, offset: 0, length: 0 },
];

function asking(...keys: string[]): Graph {
  const graph = new Graph('g');
  for (const key of keys) graph.parameter(key, [2, 3]);
  return graph;
}

describe('checkWeights', () => {
  it('accepts exactly the tensors that the graphs ask for', () => {
    const tensors = new Map([stored('a', [2, 3]), stored('b', [2, 3])]);
    expect(() => checkWeights('unet', [asking('a'), asking('a', 'b')], tensors)).not.toThrow();
  });

  it('names every missing, unexpected and misshapen tensor at once', () => {
    const tensors = new Map([stored('a', [3, 2]), stored('c', [1])]);
    expect(() => checkWeights('unet', [asking('a', 'b')], tensors)).toThrow(
      expect.objectContaining({
        code: 'invalid-weights',
        message:
          'unet: 1 tensors missing: b [2,3]; 1 tensors unexpected: c; ' +
          '1 tensors of the wrong shape: a: expected [2,3], got [3,2]',
      }),
    );
  });

  it('names what holds no floats', () => {
    const [key, tensor] = stored('a', [2, 3]);
    expect(() => checkWeights('unet', [asking('a')], new Map([[key, { ...tensor, type: 'I64' }]]))).toThrow(
      expect.objectContaining({
        code: 'invalid-weights',
        message: 'unet: 1 tensors of the wrong type: a: expected floats, got I64',
      }),
    );
  });

  it('counts where there are too many to name', () => {
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    expect(() => checkWeights('unet', [asking(...keys)], new Map())).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^unet: 20 tensors missing: .* and 12 more$/),
        details: keys.map((key) => `missing: ${key} [2,3]`),
      }),
    );
  });
});
