/**
 * The graph that a model file builds: values joined by nodes, every operator one of ONNX's (or of
 * onnxruntime's `com.microsoft` set). Node order is a topological order.
 */
import { AidError } from '../errors.js';
import { atBatch, formatShape, type Shape, sameShape } from './shape.js';

export type DataType = 'float32' | 'float16' | 'int64' | 'int32' | 'bool';

/** A float attribute: ONNX tells 1 and 1.0 apart, JavaScript does not. */
export class Float {
  constructor(readonly value: number) {}
}
export type Attribute = number | string | readonly number[] | Float;
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Node {
  readonly operator: string;
  /** '' for ONNX itself, 'com.microsoft' for onnxruntime's own. */
  readonly domain: string;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

/** A tensor known when the graph is built. */
export interface ConstantTensor {
  readonly dataType: DataType;
  readonly dims: readonly number[];
  /** A number: float32, that one throughout. */
  readonly data: Float32Array | BigInt64Array | number;
}

export type Source =
  | { readonly kind: 'input' }
  | { readonly kind: 'parameter'; readonly key: string }
  | { readonly kind: 'constant'; readonly tensor: ConstantTensor }
  | { readonly kind: 'node'; readonly node: Node };

/** One tensor in a graph. */
export class Value {
  constructor(
    readonly graph: Graph,
    readonly name: string,
    readonly dataType: DataType,
    readonly shape: Shape,
    private readonly origin: () => Source,
  ) {}

  get source(): Source {
    return this.origin();
  }
}

export interface OutputType {
  readonly dataType: DataType;
  readonly shape: Shape;
}

export class Graph {
  readonly name: string;
  readonly inputs: Value[] = [];
  readonly nodes: Node[] = [];
  /** Trained tensors by checkpoint key, in the order the network asks for them. */
  readonly parameters = new Map<string, Value>();
  readonly outputs = new Map<string, Value>();
  readonly #names = new Set<string>();
  readonly #constants = new Map<string, Value>();

  constructor(name: string) {
    this.name = name;
  }

  input(name: string, dataType: DataType, shape: Shape): Value {
    this.#claim(name);
    const value = new Value(this, name, dataType, shape, () => ({ kind: 'input' }));
    this.inputs.push(value);
    return value;
  }

  /** The trained tensor of that checkpoint key; asking twice gives the same value. */
  parameter(key: string, shape: readonly number[]): Value {
    const known = this.parameters.get(key);
    if (known !== undefined) {
      if (sameShape(known.shape, shape)) return known;
      throw new AidError(
        'invalid-graph',
        `${key}: asked for as ${formatShape(known.shape)} and ${formatShape(shape)}`,
      );
    }
    this.#claim(key);
    const value = new Value(this, key, 'float32', shape, () => ({ kind: 'parameter', key }));
    this.parameters.set(key, value);
    return value;
  }

  /** Small constants are shared: the same numbers give the same value. */
  constant(tensor: ConstantTensor): Value {
    const { dataType, dims, data } = tensor;
    const numbers = typeof data === 'number' ? [data] : data;
    const shareable = numbers.length <= 64;
    const id = shareable
      ? `${dataType}:${dims.join(',')}:${numbers.join(',')}${typeof data === 'number' ? '...' : ''}`
      : '';
    const known = shareable ? this.#constants.get(id) : undefined;
    if (known !== undefined) return known;
    const value = new Value(this, this.#fresh('constant'), tensor.dataType, tensor.dims, () => ({
      kind: 'constant',
      tensor,
    }));
    if (shareable) this.#constants.set(id, value);
    return value;
  }

  int64s(values: readonly number[]): Value {
    return this.constant({
      dataType: 'int64',
      dims: [values.length],
      data: BigInt64Array.from(values, BigInt),
    });
  }

  float(value: number): Value {
    return this.constant({ dataType: 'float32', dims: [], data: Float32Array.of(value) });
  }

  floats(values: Float32Array, dims: readonly number[] = [values.length]): Value {
    return this.constant({ dataType: 'float32', dims, data: values });
  }

  /** A tensor of one number throughout; asking twice gives the same value. */
  filled(value: number, dims: readonly number[]): Value {
    return this.constant({ dataType: 'float32', dims, data: value });
  }

  /** Appends a node and returns its outputs. */
  node(
    operator: string,
    inputs: readonly (Value | null)[],
    outputs: readonly OutputType[],
    attributes: Attributes = {},
    domain = '',
  ): Value[] {
    for (const input of inputs) {
      if (input !== null && input.graph !== this) {
        throw new AidError(
          'invalid-graph',
          `${operator}: ${input.name} belongs to graph ${input.graph.name}, not ${this.name}`,
        );
      }
    }
    const values: Value[] = [];
    const node: Node = { operator, domain, inputs, outputs: values, attributes };
    const source: Source = { kind: 'node', node };
    for (const { dataType, shape } of outputs) {
      values.push(new Value(this, this.#fresh(operator), dataType, shape, () => source));
    }
    this.nodes.push(node);
    return values;
  }

  output(name: string, value: Value): void {
    this.#claim(name);
    this.outputs.set(name, value);
  }

  /** Number of trained numbers. */
  get parameterCount(): number {
    let count = 0;
    for (const { shape } of this.parameters.values()) count += atBatch(shape, 1).reduce((a, b) => a * b, 1);
    return count;
  }

  #claim(name: string): void {
    if (this.#names.has(name))
      throw new AidError('invalid-graph', `${this.name}: two values are named ${name}`);
    this.#names.add(name);
  }

  #fresh(stem: string): string {
    const name = `${stem}#${this.#names.size}`;
    this.#names.add(name);
    return name;
  }
}

/** The only output of a one-output node. */
export function only(values: readonly Value[]): Value {
  const [value] = values;
  if (value === undefined || values.length !== 1) {
    throw new AidError('invalid-graph', `expected one output, got ${values.length}`);
  }
  return value;
}
