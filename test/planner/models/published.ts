/** Networks that others have published: their configs, and the tensors of their checkpoints. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Graph } from '#planner/onnx/graph.js';

interface Published {
  readonly config: unknown;
  readonly parameters: number;
  readonly tensors: Readonly<Record<string, readonly number[]>>;
}

export function readPublished(file: URL): Record<string, Published> {
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Published>;
}

export function expectTensorsOf(graph: Graph, { parameters, tensors }: Published): void {
  const asked = Object.fromEntries([...graph.parameters].map(([key, { shape }]) => [key, shape]));
  expect(Object.keys(asked).sort()).toEqual(Object.keys(tensors).sort());
  expect(asked).toEqual(tensors);
  expect(graph.parameterCount).toBe(parameters);
}
