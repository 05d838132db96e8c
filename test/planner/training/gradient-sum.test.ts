import { expect, it } from 'vitest';
import { Random } from '#planner/random.js';
import { GradientSum } from '#planner/training/gradient-sum.js';

const LENGTHS = [
  ['a', 1],
  ['b', 2],
] as const;
const of =
  (gradients: Readonly<Record<string, readonly number[]>>) =>
  (key: string): Float32Array =>
    Float32Array.from(gradients[key] ?? []);

it('takes the length of all gradients as one vector', () => {
  const sum = new GradientSum(LENGTHS);
  expect(sum.norm).toBe(0);
  sum.add(of({ a: [3], b: [0, 4] }), true);
  expect(sum.norm).toBe(5);
});

it('adds gradients up, and begins anew with the first of the next step', () => {
  const sum = new GradientSum(LENGTHS);
  for (const _ of [1, 2]) {
    sum.add(of({ a: [1], b: [0, 5] }), true);
    sum.add(of({ a: [2], b: [0, -1] }), false);
    expect(Object.fromEntries(sum.gradients)).toEqual({ a: Float32Array.of(3), b: Float32Array.of(0, 4) });
    expect(sum.norm).toBe(5);
  }
});

it('rounds after each addition, and takes the length of what was rounded', () => {
  const random = new Random(1);
  const parts = Array.from({ length: 3 }, () => random.normals(1000));
  const sum = new GradientSum([['all', 1000]]);
  const expected = new Float32Array(1000);
  for (const [index, part] of parts.entries()) {
    sum.add(() => part, index === 0);
    for (let i = 0; i < 1000; i++) expected[i] = (expected[i] ?? 0) + (part[i] ?? 0);
  }
  expect(sum.gradients.get('all')).toEqual(expected);
  expect(sum.norm).toBe(Math.sqrt(expected.reduce((squares, value) => squares + value * value, 0)));
});
