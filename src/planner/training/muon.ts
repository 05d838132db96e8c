/**
 * Muon: momentum whose matrices are replaced by the nearest orthogonal ones before they are applied, so that a
 * step moves every direction of a layer equally. Source: Jordan et al., "Muon: an optimizer for hidden layers in
 * neural networks" (2024); the size of the step as in arXiv 2502.16982, which makes AdamW's learning rates fit.
 */
import { Graph, type Value } from '../onnx/graph.js';
import { add, divide, multiply, sqrt } from '../onnx/ops/elementwise.js';
import { transpose } from '../onnx/ops/layout.js';
import { matMul } from '../onnx/ops/product.js';
import { sum } from '../onnx/ops/reduce.js';
import type { Engine, GraphSession } from '../runtime/engine.js';
import { type FloatTensor, floatTensor, sharedFloats } from '../runtime/tensor.js';
import { noWeights } from '../runtime/weight-source.js';
import type { TrainedTensor } from './adamw.js';

export interface MuonOptions {
  readonly momentum: number;
  readonly weightDecay: number;
}

/** Odd polynomial a x + b x^3 + c x^5 that drives singular values towards 1. */
const NEWTON_SCHULZ = { a: 3.4445, b: -4.775, c: 2.0315, iterations: 5 };
/** Root mean square of a step for a learning rate of 1, about that of AdamW. */
const STEP_SIZE = 0.2;
/** Matrices so many times as wide as high are worked on through their small square. */
const WIDE = 1.5;
/** Thinner matrices have no directions to speak of. */
const MIN_SIDE = 16;
/** Tables of which a batch touches a few rows, and layers between the network and its data. */
const NOT_HIDDEN =
  /(_embedding|class_embedding)(\.weight)?$|(^|\.)queries$|(^|\.)conv_(in|out)\.weight$|(^|\.)patch_embedding\.weight$/;

/** Rows and columns of a weight as the matrix that it multiplies by: [out, in * kernel]. */
function matrixOf(shape: readonly number[]): readonly [number, number] {
  const [rows = 1, ...rest] = shape;
  return [rows, rest.reduce((a, b) => a * b, 1)];
}

/** Whether a parameter is a matrix of a hidden layer; the others are AdamW's. */
export function isHiddenMatrix(key: string, shape: readonly number[]): boolean {
  return shape.length > 1 && Math.min(...matrixOf(shape)) >= MIN_SIDE && !NOT_HIDDEN.test(key);
}

/** Matrices of one shape. */
interface Group {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly keys: string[];
  /** Matrices in each of the parts that go through the graph. */
  readonly slots: number;
}

export class Muon {
  readonly #groups: readonly Group[];
  readonly #session: GraphSession;
  /** For each part, its matrices of every group. Their memory is used again at each step. */
  readonly #inputs: readonly Readonly<Record<string, FloatTensor>>[];

  private constructor(groups: readonly Group[], session: GraphSession, parts: number) {
    this.#groups = groups;
    this.#session = session;
    this.#inputs = Array.from({ length: parts }, () =>
      Object.fromEntries(
        groups.map(({ name, rows, columns, slots }) => {
          const empty = sharedFloats(new Float32Array(slots * rows * columns));
          return [name, floatTensor([slots, rows, columns], empty)];
        }),
      ),
    );
  }

  /** For the matrices of these shapes; `parts` of them are worked on at the same time. */
  static async load(
    engine: Engine,
    matrices: ReadonlyMap<string, readonly number[]>,
    parts: number,
  ): Promise<Muon> {
    const keys = new Map<string, string[]>();
    for (const [key, shape] of matrices) {
      const name = matrixOf(shape).join('x');
      keys.set(name, [...(keys.get(name) ?? []), key]);
    }
    const groups = [...keys].map(([name, members]): Group => {
      const [rows = 0, columns = 0] = name.split('x').map(Number);
      return { name, rows, columns, keys: members, slots: Math.ceil(members.length / parts) };
    });
    const session = await engine.load(orthogonalization(groups), { weights: noWeights, parallelRuns: parts });
    return new Muon(groups, session, parts);
  }

  /** Updates its tensors in place. Gradients are multiplied by `scale` first. */
  async step(
    tensors: ReadonlyMap<string, TrainedTensor>,
    gradients: ReadonlyMap<string, Float32Array>,
    { learningRate, scale }: { readonly learningRate: number; readonly scale: number },
    { momentum, weightDecay }: MuonOptions,
  ): Promise<void> {
    for (const { name, rows, columns, keys, slots } of this.#groups) {
      const size = rows * columns;
      for (const [part, input] of this.#inputs.entries()) {
        const { data } = input[name] as FloatTensor;
        for (const [slot, key] of keys.slice(part * slots, (part + 1) * slots).entries()) {
          const { m } = tensors.get(key) as TrainedTensor;
          const gradient = gradients.get(key) as Float32Array;
          nesterov(data.subarray(slot * size, (slot + 1) * size), m, gradient, momentum, scale);
        }
      }
    }
    const results = await Promise.all(this.#inputs.map((input) => this.#session.run(input)));
    for (const { name, rows, columns, keys, slots } of this.#groups) {
      const size = rows * columns;
      const stepSize = learningRate * STEP_SIZE * Math.sqrt(Math.max(rows, columns));
      for (const [index, key] of keys.entries()) {
        const outputs = results[Math.floor(index / slots)]?.tensors[`orthogonal/${name}`]
          ?.data as Float32Array;
        const slot = index % slots;
        const orthogonal = outputs.subarray(slot * size, (slot + 1) * size);
        const { data } = tensors.get(key) as TrainedTensor;
        apply(data, orthogonal, stepSize, 1 - learningRate * weightDecay);
      }
    }
  }

  /** Frees the engine's memory. */
  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

/** Inputs `RxC` [slots, R, C], outputs `orthogonal/RxC`. */
function orthogonalization(groups: readonly Group[]): Graph {
  const graph = new Graph('orthogonalization');
  for (const { name, rows, columns, slots } of groups) {
    const given = graph.input(name, 'float32', [slots, rows, columns]);
    const turn = (x: Value): Value => (rows <= columns ? x : transpose(x, [0, 2, 1]));
    const [short, long] = [Math.min(rows, columns), Math.max(rows, columns)];
    const iterate = long >= WIDE * short ? iteratedByGram : iterated;
    graph.output(`orthogonal/${name}`, turn(iterate(normalized(turn(given)), short)));
  }
  return graph;
}

/** Each matrix of x [N, R, C] with a length of 1, so that no singular value is larger. */
function normalized(x: Value): Value {
  const length = sqrt(sum(multiply(x, x), [1, 2], { keepDims: true }));
  return divide(x, add(length, 1e-12));
}

/** x [N, R, C] -> a x + b (x x') x + c (x x')^2 x, over and over: 10 R^3 + 20 R^2 C operations. */
function iterated(x: Value): Value {
  const { a, b, c, iterations } = NEWTON_SCHULZ;
  for (let i = 0; i < iterations; i++) {
    const square = gram(x);
    const polynomial = add(multiply(square, b), multiply(matMul(square, square), c));
    x = add(multiply(x, a), matMul(polynomial, x));
  }
  return x;
}

/**
 * The same, as polynomials of x x' that are multiplied before they meet x: 34 R^3 + 4 R^2 C operations. They commute,
 * so after a step by p the next x x' is p (x x') p.
 */
function iteratedByGram(x: Value, rows: number): Value {
  const { a, b, c, iterations } = NEWTON_SCHULZ;
  const identity = Float32Array.from({ length: rows ** 2 }, (_, i) => (i % (rows + 1) === 0 ? a : 0));
  const scaledIdentity = x.graph.floats(identity, [1, rows, rows]);
  let square = gram(x);
  let product: Value | undefined;
  for (let i = 0; i < iterations; i++) {
    const p = add(add(multiply(square, b), multiply(matMul(square, square), c)), scaledIdentity);
    product = product === undefined ? p : matMul(p, product);
    square = matMul(matMul(p, square), p);
  }
  return product === undefined ? x : matMul(product, x);
}

/** x x' of x [N, R, C], [N, R, R]. */
const gram = (x: Value): Value => matMul(x, transpose(x, [0, 2, 1]));

/** Moves the momentum and writes the direction of the step. */
function nesterov(
  direction: Float32Array,
  m: Float32Array,
  gradient: Float32Array,
  momentum: number,
  scale: number,
): void {
  for (let i = 0; i < direction.length; i++) {
    const g = (gradient[i] as number) * scale;
    const mi = momentum * (m[i] as number) + (1 - momentum) * g;
    m[i] = mi;
    direction[i] = momentum * mi + (1 - momentum) * g;
  }
}

function apply(data: Float32Array, orthogonal: Float32Array, stepSize: number, decay: number): void {
  for (let i = 0; i < data.length; i++)
    data[i] = decay * (data[i] as number) - stepSize * (orthogonal[i] as number);
}
