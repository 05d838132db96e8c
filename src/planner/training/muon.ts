/**
 * Muon: momentum whose matrices are replaced by the nearest orthogonal ones before they are applied, so that a
 * step moves every direction of a layer equally. Source: Jordan et al., "Muon: an optimizer for hidden layers in
 * neural networks" (2024); the size of the step as in arXiv 2502.16982, which makes AdamW's learning rates fit.
 */
import { Graph, type Value } from '../onnx/graph.js';
import { add, multiply } from '../onnx/ops/elementwise.js';
import { transpose } from '../onnx/ops/layout.js';
import { matMul } from '../onnx/ops/product.js';
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

/** Matrices of one shape, the shorter side first. */
interface Group {
  readonly name: string;
  readonly short: number;
  readonly long: number;
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
        groups.map(({ name, short, long, slots }) => {
          const empty = sharedFloats(new Float32Array(slots * short * long));
          return [name, floatTensor([slots, short, long], empty)];
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
      const sides = [...matrixOf(shape)].sort((a, b) => a - b);
      const name = sides.join('x');
      keys.set(name, [...(keys.get(name) ?? []), key]);
    }
    const groups = [...keys].map(([name, members]): Group => {
      const [short = 0, long = 0] = name.split('x').map(Number);
      return { name, short, long, keys: members, slots: Math.ceil(members.length / parts) };
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
    for (const { name, short, long, keys, slots } of this.#groups) {
      const size = short * long;
      for (const [part, input] of this.#inputs.entries()) {
        const { data } = input[name] as FloatTensor;
        for (const [slot, key] of keys.slice(part * slots, (part + 1) * slots).entries()) {
          const { shape, m } = tensors.get(key) as TrainedTensor;
          const gradient = gradients.get(key) as Float32Array;
          const direction = data.subarray(slot * size, (slot + 1) * size);
          nesterov(direction, m, gradient, momentum, scale, matrixOf(shape));
        }
      }
    }
    const results = await Promise.all(this.#inputs.map((input) => this.#session.run(input)));
    for (const { name, short, long, keys, slots } of this.#groups) {
      const size = short * long;
      const stepSize = learningRate * STEP_SIZE * Math.sqrt(long);
      for (const [index, key] of keys.entries()) {
        const outputs = results[Math.floor(index / slots)]?.tensors[`orthogonal/${name}`]
          ?.data as Float32Array;
        const slot = index % slots;
        const orthogonal = outputs.subarray(slot * size, (slot + 1) * size);
        const { shape, data } = tensors.get(key) as TrainedTensor;
        apply(data, orthogonal, stepSize, 1 - learningRate * weightDecay, matrixOf(shape));
      }
    }
  }

  /** Frees the engine's memory. */
  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

/** Inputs `RxC` [slots, R, C] with Frobenius norm at most 1, outputs `orthogonal/RxC`. */
function orthogonalization(groups: readonly Group[]): Graph {
  const graph = new Graph('orthogonalization');
  for (const { name, short, long, slots } of groups) {
    const x = graph.input(name, 'float32', [slots, short, long]);
    const iterate = long >= WIDE * short ? iteratedByGram : iterated;
    graph.output(`orthogonal/${name}`, iterate(x, short));
  }
  return graph;
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

/** Moves the momentum and writes the direction of the step, of length 1, the shorter side as rows. */
function nesterov(
  direction: Float32Array,
  m: Float32Array,
  gradient: Float32Array,
  momentum: number,
  scale: number,
  [rows, columns]: readonly [number, number],
): void {
  const [rowStride, columnStride] = stridesOf(rows, columns);
  let sum = 0;
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0, at = row * rowStride; column < columns; column++, i++, at += columnStride) {
      const g = (gradient[i] as number) * scale;
      const mi = momentum * (m[i] as number) + (1 - momentum) * g;
      m[i] = mi;
      const value = momentum * mi + (1 - momentum) * g;
      sum += value * value;
      direction[at] = value;
    }
  }
  const perLength = 1 / (Math.sqrt(sum) + 1e-12);
  for (let i = 0; i < direction.length; i++) direction[i] = (direction[i] as number) * perLength;
}

function apply(
  data: Float32Array,
  orthogonal: Float32Array,
  stepSize: number,
  decay: number,
  [rows, columns]: readonly [number, number],
): void {
  const [rowStride, columnStride] = stridesOf(rows, columns);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0, at = row * rowStride; column < columns; column++, i++, at += columnStride)
      data[i] = decay * (data[i] as number) - stepSize * (orthogonal[at] as number);
  }
}

/** Of a matrix that lies turned where it has more rows than columns. */
const stridesOf = (rows: number, columns: number): readonly [row: number, column: number] =>
  rows <= columns ? [columns, 1] : [1, rows];
