import { differentiate } from '#planner/onnx/gradients/differentiate.js';
import { Graph, type Value } from '#planner/onnx/graph.js';
import { multiply } from '#planner/onnx/ops/elementwise.js';
import { sum } from '#planner/onnx/ops/reduce.js';
import { Random } from '#planner/random.js';
import type { Engine } from '#planner/runtime/engine.js';
import { type FloatTensor, floatTensor } from '#planner/runtime/tensor.js';
import { noWeights } from '#planner/runtime/weight-source.js';

/** Turns a standard normal number into one where the function is smooth within a step. */
export type Domain = (normal: number) => number;
export const anywhere: Domain = (normal) => normal;
export const positive: Domain = (normal) => 0.6 + Math.abs(normal);
export const awayFromZero: Domain = (normal) => normal + Math.sign(normal) * 0.4;

export interface DifferentiatedCase {
  readonly inputs: readonly (readonly number[])[];
  readonly domain?: Domain;
  /** One or more outputs of the inputs. */
  readonly build: (...inputs: Value[]) => Value | readonly Value[];
}

export interface GradientCheck {
  /** `<gradient, direction>` by differentiation and by differences, for each input and direction. */
  readonly pairs: readonly { readonly analytic: number; readonly numeric: number }[];
  /** Scale of the numbers compared. */
  readonly scale: number;
  /** Operators in the forward graph. */
  readonly operators: ReadonlySet<string>;
}

const STEP = 0.04;
const DIRECTIONS = 2;

/**
 * Compares the gradients of a random weighted sum of the outputs with central differences of fourth order,
 * (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h, along random directions. The engine computes in single precision,
 * the sums and differences here in double: what is left of rounding and truncation is about 1e-5.
 */
export async function checkGradients(
  engine: Engine,
  { inputs: shapes, domain = anywhere, build }: DifferentiatedCase,
): Promise<GradientCheck> {
  const random = new Random(2024);
  const graph = new Graph('gradients');
  const inputs = shapes.map((dims, i) => graph.input(`x${i}`, 'float32', dims));
  const outputs = [build(...inputs)].flat() as Value[];
  const operators = new Set(
    graph.nodes.map(({ domain, operator }) => (domain === '' ? operator : `${domain}:${operator}`)),
  );
  const sizeOf = (dims: readonly unknown[]): number => (dims as number[]).reduce((a, b) => a * b, 1);
  const weights = outputs.map(({ shape }) => random.normals(sizeOf(shape)));
  let loss: Value | undefined;
  outputs.forEach((output, i) => {
    const weight = graph.floats(weights[i] as Float32Array, output.shape as readonly number[]);
    const axes = output.shape.map((_, axis) => axis);
    const weighted = sum(multiply(output, weight), axes);
    loss = loss === undefined ? weighted : graph.node('Add', [loss, weighted], [weighted])[0];
    graph.output(`y${i}`, output);
  });
  const gradients = differentiate(loss as Value, inputs);
  inputs.forEach((input, i) => {
    const gradient = gradients.get(input);
    if (gradient === undefined) throw new Error(`no gradient of input ${i}`);
    if (gradient.shape.join() !== input.shape.join())
      throw new Error(`gradient of another shape: ${gradient.shape}`);
    graph.output(`g${i}`, gradient);
  });

  const session = await engine.load(graph, { weights: noWeights });
  try {
    const at: FloatTensor[] = shapes.map((dims) =>
      floatTensor(
        dims,
        random.normals(sizeOf(dims)).map((normal) => domain(normal)),
      ),
    );
    const run = async (given: readonly FloatTensor[]) =>
      (await session.run(Object.fromEntries(given.map((tensor, i) => [`x${i}`, tensor])))).tensors;
    const lossAt = async (moved: number, direction: Float32Array, by: number): Promise<number> => {
      const given = at.map((tensor, i) =>
        i === moved
          ? floatTensor(
              tensor.dims,
              tensor.data.map((value, k) => value + by * (direction[k] as number)),
            )
          : tensor,
      );
      const tensors = await run(given);
      return weights.reduce(
        (total, weight, i) => total + dot(weight, tensors[`y${i}`]?.data as Float32Array),
        0,
      );
    };
    const here = await run(at);
    const pairs: { analytic: number; numeric: number }[] = [];
    let scale = 0;
    for (let i = 0; i < shapes.length; i++) {
      const gradient = here[`g${i}`]?.data as Float32Array;
      for (let d = 0; d < DIRECTIONS; d++) {
        // Signs of 1: no element moves further than another.
        const direction = Float32Array.from(gradient, () => (random.uniform() < 0.5 ? -1 : 1));
        const f = (steps: number): Promise<number> => lossAt(i, direction, steps * STEP);
        const numeric = (8 * ((await f(1)) - (await f(-1))) - ((await f(2)) - (await f(-2)))) / (12 * STEP);
        pairs.push({ analytic: dot(gradient, direction), numeric });
      }
      scale = Math.max(scale, Math.sqrt(dot(gradient, gradient)));
    }
    return { pairs, scale, operators };
  } finally {
    await session.release();
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] as number) * (b[i] as number);
  return total;
}
