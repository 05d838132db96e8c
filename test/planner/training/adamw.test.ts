import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { adamWStep, averageStep, trainedTensor } from '#planner/training/adamw.js';
import { GradientSum } from '#planner/training/gradient-sum.js';

type Pair = { readonly matrix: number[]; readonly vector: number[] };
const torch = JSON.parse(readFileSync(new URL('fixtures/adamw.json', import.meta.url), 'utf8')) as {
  readonly options: { beta1: number; beta2: number; epsilon: number; weightDecay: number };
  readonly maxGradientNorm: number;
  readonly start: Pair;
  readonly steps: readonly { learningRate: number; gradients: Pair; norm: number; values: Pair }[];
};
const NAMES = ['matrix', 'vector'] as const;
const SHAPES = { matrix: [2, 3], vector: [3] };

const largest = (a: Float32Array, b: readonly number[]): number =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN))));

describe('AdamW', () => {
  it("makes torch's numbers of torch's gradients: clipped, a matrix that decays, a vector that does not", () => {
    const tensors = {
      matrix: trainedTensor(SHAPES.matrix, Float32Array.from(torch.start.matrix)),
      vector: trainedTensor(SHAPES.vector, Float32Array.from(torch.start.vector)),
    };
    expect(torch.steps).toHaveLength(5);
    for (const [index, { learningRate, gradients, norm, values }] of torch.steps.entries()) {
      const sum = new GradientSum(NAMES.map((name) => [name, gradients[name].length] as const));
      sum.add((name) => Float32Array.from(gradients[name as keyof Pair]), true);
      expect(sum.norm).toBeCloseTo(norm, 5);
      const scale = Math.min(1, torch.maxGradientNorm / (sum.norm + 1e-6));
      for (const name of NAMES) {
        const step = { step: index + 1, learningRate, scale };
        adamWStep(tensors[name], sum.gradients.get(name) as Float32Array, step, torch.options);
        expect(largest(tensors[name].data, values[name]), `${name} after step ${index + 1}`).toBeLessThan(
          3e-7,
        );
      }
    }
  });

  it("moves by the learning rate at its first step, whatever the gradient's size", () => {
    for (const gradient of [1e-4, 1, 1e4]) {
      const tensor = trainedTensor([2], Float32Array.of(0, 0));
      adamWStep(tensor, Float32Array.of(gradient, -gradient), { step: 1, learningRate: 0.1 });
      expect(tensor.data[0]).toBeCloseTo(-0.1, 4);
      expect(tensor.data[1]).toBeCloseTo(0.1, 4);
    }
  });
});

describe('the moving average', () => {
  it('counts the first steps more: the shares are 1 - (1 + step) / (10 + step) until the decay is reached', () => {
    const tensor = trainedTensor([1], Float32Array.of(0));
    tensor.data[0] = 1;
    let expected = 0;
    for (let step = 1; step <= 200; step++) {
      averageStep(tensor, step, 0.9);
      expected += (1 - Math.min(0.9, (1 + step) / (10 + step))) * (1 - expected);
      expect(tensor.average[0]).toBeCloseTo(expected, 5);
    }
    // (1 + 80) / (10 + 80) = 0.9: from there on the decay itself.
    expect((1 + 80) / (10 + 80)).toBe(0.9);
  });

  it('has forgotten the start soon, and stands still where the data do', () => {
    const tensor = trainedTensor([1], Float32Array.of(100));
    averageStep(tensor, 1, 0.999);
    expect(tensor.average[0]).toBe(100);
    tensor.data[0] = 1;
    for (let step = 1; step <= 100; step++) averageStep(tensor, step, 0.999);
    expect(tensor.average[0]).toBeCloseTo(1, 4);
  });
});
