/** Writes a graph as an ONNX file, through ONNX's own protobuf schema. */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { atOnce, type Steps } from '../turns.js';
import {
  type Attribute,
  type ConstantTensor,
  type DataType,
  Float,
  type Graph,
  type Node,
  type Value,
} from './graph.js';
import { liveNodes } from './live-nodes.js';
import { formatDim, type Shape } from './shape.js';

const OPSET = 21;
const IR_VERSION = 10;
/** ONNX's numbers for the data types: TensorProto.DataType. */
const TENSOR_TYPES: Readonly<Record<DataType | StoredFloat, number>> = {
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};
/** AttributeProto.AttributeType. */
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, ints: 7 };
/** TensorProto.DataLocation.EXTERNAL */
const EXTERNAL = 1;

/** How a parameter's numbers lie in their file; they are computed with as float32. */
export type StoredFloat = 'float16' | 'bfloat16' | 'float32' | 'float64';

/** Where a parameter's numbers come from when the graph runs. */
export type ParameterSource =
  /** From a range of bytes of a file, named from the folder that the engine is told. */
  | {
      readonly kind: 'external';
      readonly location: string;
      readonly offset: number;
      readonly length: number;
      readonly dataType: StoredFloat;
    }
  /** Given at every run, as a graph input named by the key. */
  | { readonly kind: 'input' };

export interface OnnxFileOptions {
  /** Asked once for each parameter that the outputs depend on. */
  readonly parameters: (key: string) => ParameterSource;
  /**
   * Makes float32 of what is stored in another type when it is needed, at every run, and not once when the graph is
   * loaded: half the memory or less for the time of a copy.
   */
  readonly castAtRun?: boolean;
}

interface Schema {
  readonly model: protobuf.Type;
  readonly graph: protobuf.Type;
}
let schema: Schema | undefined;
function onnxSchema(): Schema {
  if (schema === undefined) {
    const text = readFileSync(new URL('./onnx.proto', import.meta.url), 'utf8');
    const { root } = protobuf.parse(text, { keepCase: true });
    schema = { model: root.lookupType('onnx.ModelProto'), graph: root.lookupType('onnx.GraphProto') };
  }
  return schema;
}

/** Nodes or initializers written between two pauses. */
const CHUNK = 64;

/** The bytes of the ONNX file. Nodes, inputs and parameters that no output depends on are left out. */
export function toOnnxFile(graph: Graph, options: OnnxFileOptions): Uint8Array {
  return atOnce(onnxFileInSteps(graph, options));
}

/** The same, with pauses. */
export function* onnxFileInSteps(
  graph: Graph,
  { parameters, castAtRun = false }: OnnxFileOptions,
): Steps<Uint8Array> {
  const { nodes, used } = liveNodes(graph);
  yield;
  const inputs = graph.inputs.filter((value) => used.has(value)).map((value) => valueInfo(value.name, value));
  const initializers: (() => object)[] = [];
  /** Nodes that make constants and floats of what is stored. */
  const made: object[] = [];
  const names = new Map<Value, string>();
  for (const value of used) {
    const { source } = value;
    if (source.kind === 'constant') {
      const { tensor } = source;
      if (typeof tensor.data === 'number') {
        // Engines make the whole tensor when they load the graph.
        const [one, shape] = [`${value.name}:one`, `${value.name}:shape`];
        initializers.push(
          () =>
            constantProto(one, {
              dataType: 'float32',
              dims: [],
              data: Float32Array.of(tensor.data as number),
            }),
          () =>
            constantProto(shape, {
              dataType: 'int64',
              dims: [tensor.dims.length],
              data: BigInt64Array.from(tensor.dims, BigInt),
            }),
        );
        made.push(nodeProto('Expand', '', [one, shape], [value.name], {}));
      } else initializers.push(() => constantProto(value.name, tensor));
    }
    if (source.kind !== 'parameter') continue;
    const placed = parameters(source.key);
    if (placed.kind === 'input') {
      inputs.push(valueInfo(value.name, value));
      continue;
    }
    initializers.push(() => externalProto(value, placed));
    if (placed.dataType !== 'float32') {
      const cast = `${value.name}:float32`;
      // An initializer that is an input too could be another one at every run, so engines do not fold it.
      if (castAtRun) inputs.push(valueInfo(value.name, { dataType: placed.dataType, shape: value.shape }));
      names.set(value, cast);
      made.push(nodeProto('Cast', '', [value.name], [cast], { to: TENSOR_TYPES.float32 }));
    }
  }
  yield;
  const nameOf = (value: Value | null): string => (value === null ? '' : (names.get(value) ?? value.name));
  const outputs: object[] = [];
  const identities: object[] = [];
  for (const [name, value] of graph.outputs) {
    outputs.push(valueInfo(name, value));
    identities.push(nodeProto('Identity', '', [nameOf(value)], [name], {}));
  }
  // One message in parts: what a part repeats is appended to what came before.
  const parts: Uint8Array[] = [];
  const write = (part: object): void => {
    const { graph: type } = onnxSchema();
    parts.push(type.encode(type.fromObject(part)).finish());
  };
  write({ name: graph.name, input: inputs, output: outputs, node: made });
  for (let i = 0; i < initializers.length; i += CHUNK) {
    yield;
    write({ initializer: initializers.slice(i, i + CHUNK).map((proto) => proto()) });
  }
  for (let i = 0; i < nodes.length; i += CHUNK) {
    yield;
    const body = nodes.slice(i, i + CHUNK).map((node) => {
      const { operator, domain, inputs: read, attributes } = node;
      return nodeProto(operator, domain, read.map(nameOf), outputNames(node, used), attributes);
    });
    write({ node: body });
  }
  yield;
  write({ node: identities });
  return modelFile(parts);
}

/** A model around a graph that is written already. */
function modelFile(parts: readonly Uint8Array[]): Uint8Array {
  const { model } = onnxSchema();
  const head = model.fromObject({
    ir_version: IR_VERSION,
    producer_name: 'aid-planner',
    opset_import: [
      { domain: '', version: OPSET },
      { domain: 'com.microsoft', version: 1 },
    ],
  });
  const LENGTH_DELIMITED = 2;
  const field = model.fields['graph'];
  if (field === undefined) throw new TypeError('onnx.proto: a model without a graph');
  return model
    .encode(head)
    .uint32((field.id << 3) | LENGTH_DELIMITED)
    .bytes(Buffer.concat(parts))
    .finish();
}

/** A norm's outputs that nobody reads have no name: they are not even computed then. */
function outputNames({ operator, outputs }: Node, used: ReadonlySet<Value>): string[] {
  if (!operator.endsWith('LayerNormalization')) return outputs.map(({ name }) => name);
  const read = outputs.findLastIndex((value) => used.has(value)) + 1;
  return outputs.slice(0, read).map((value) => (used.has(value) ? value.name : ''));
}

function valueInfo(
  name: string,
  { dataType, shape }: { dataType: DataType | StoredFloat; shape: Shape },
): object {
  const dim = shape.map((d) => (typeof d === 'number' ? { dim_value: d } : { dim_param: formatDim(d) }));
  return { name, type: { tensor_type: { elem_type: TENSOR_TYPES[dataType], shape: { dim } } } };
}

function constantProto(name: string, { dataType, dims, data }: ConstantTensor): object {
  if (typeof data === 'number') throw new TypeError('unreachable');
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, data_type: TENSOR_TYPES[dataType], dims, raw_data: raw };
}

function externalProto(value: Value, placed: Extract<ParameterSource, { kind: 'external' }>): object {
  return {
    name: value.name,
    data_type: TENSOR_TYPES[placed.dataType],
    dims: value.shape,
    data_location: EXTERNAL,
    external_data: [
      { key: 'location', value: placed.location },
      { key: 'offset', value: String(placed.offset) },
      { key: 'length', value: String(placed.length) },
    ],
  };
}

function nodeProto(
  operator: string,
  domain: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, Attribute>>,
): object {
  const attribute = Object.entries(attributes).map(([name, value]) => attributeProto(name, value));
  return { op_type: operator, domain, name: `${operator}:${output[0]}`, input, output, attribute };
}

function attributeProto(name: string, value: Attribute): object {
  if (value instanceof Float) return { name, type: ATTRIBUTE_TYPES.float, f: value.value };
  if (typeof value === 'number') return { name, type: ATTRIBUTE_TYPES.int, i: value };
  if (typeof value === 'string') return { name, type: ATTRIBUTE_TYPES.string, s: Buffer.from(value, 'utf8') };
  return { name, type: ATTRIBUTE_TYPES.ints, ints: value };
}
