/** The engine that lets a server compute, over the Open Inference Protocol (KServe v2) in gRPC. */
import { type ServiceError, status } from '@grpc/grpc-js';
import { AidError, kindOf } from '../../errors.js';
import { batchFirstShape, batchOf } from '../../onnx/batch-first.js';
import type { Graph, Value } from '../../onnx/graph.js';
import { liveNodes } from '../../onnx/live-nodes.js';
import { atBatch, type Shape } from '../../onnx/shape.js';
import type {
  Engine,
  EngineDescription,
  GraphSession,
  LoadOptions,
  ResidentTensor,
  RunInput,
  RunOptions,
  RunResult,
} from '../engine.js';
import type { Tensor } from '../tensor.js';
import { InferenceClient, type ServerOptions } from './client.js';
import {
  DATATYPES,
  type ModelMetadataResponse,
  rawContents,
  type TensorMetadata,
  tensorOf,
} from './messages.js';
import { type ServedModel, servedModel } from './served-model.js';

export interface OpenInferenceEngineOptions extends ServerOptions {
  /** Version of the models in the server's repository, `1` unless said otherwise. */
  readonly modelVersion?: string;
}

/**
 * Runs graphs on a server to which `aid export --triton` gave them. Nothing is kept there between two runs: a
 * server may be replaced by another at any time, and one serves as many robots as it has time for.
 */
export class OpenInferenceEngine implements Engine {
  readonly description: EngineDescription;
  readonly #client: InferenceClient;
  readonly #version: string;

  /** Errors: `invalid-argument`. Nothing is connected before the first graph is loaded. */
  constructor({ modelVersion = '1', ...server }: OpenInferenceEngineOptions) {
    // A server takes no version for its newest.
    if (typeof modelVersion !== 'string' || modelVersion === '')
      throw new AidError(
        'invalid-argument',
        `server: modelVersion: expected the name of one, such as '1', got ${modelVersion === '' ? 'none' : kindOf(modelVersion)}`,
      );
    this.#client = new InferenceClient(server);
    this.#version = modelVersion;
    this.description = {
      name: 'open-inference-protocol',
      provider: 'remote',
      threads: 0,
      server: this.#client.address,
    };
  }

  /** Finds the graph on the server. Errors: those of `InferenceClient.infer`; `invalid-argument`. */
  async load(graph: Graph, { weightsSha256 }: LoadOptions): Promise<GraphSession> {
    if (weightsSha256 === undefined)
      throw new AidError(
        'invalid-argument',
        `${graph.name}: expected weightsSha256, by which a server's model is found`,
      );
    const model = servedModel(graph, weightsSha256);
    const found = await this.#client
      .modelMetadata({ name: model.name, version: this.#version })
      .catch((error: AidError) => {
        if (!isUnknown(error)) throw error;
        throw new AidError(
          'engine-unavailable',
          `${this.#client.address} does not serve ${model.name} in version ${this.#version}: export this model folder, ` +
            "with this version of the package and for clips of this length, to the server's repository",
          { cause: error },
        );
      });
    checkModel(model, found, this.#client.address);
    const { used } = liveNodes(graph);
    const inputs = graph.inputs.filter((value) => used.has(value));
    const outputs = [...graph.outputs.keys()];
    return {
      inputNames: inputs.map(({ name }) => name),
      outputNames: outputs,
      run: (given, options) => this.#run(graph, model, inputs, given, options),
      release: async () => undefined,
    };
  }

  async dispose(): Promise<void> {
    this.#client.close();
  }

  async #run(
    graph: Graph,
    { name }: ServedModel,
    inputs: readonly Value[],
    given: Readonly<Record<string, RunInput>>,
    { keep = [], into = {}, abortSignal }: RunOptions = {},
  ): Promise<RunResult> {
    const missing = inputs.filter((input) => !(input.name in given));
    if (missing.length > 0)
      throw new AidError(
        'invalid-argument',
        `${graph.name}: no value given for ${missing.map((input) => input.name).join(', ')}`,
      );
    const tensors = inputs.map((input) => tensorOfInput(given[input.name] as RunInput));
    const asked = inputs.map((input, i) => described(graph, input, tensors[i] as Tensor));
    const rows = asked[0]?.shape[0] ?? 1;
    const request = {
      model_name: name,
      model_version: this.#version,
      inputs: asked,
      outputs: [...graph.outputs.keys()].map((output) => ({ name: output })),
      raw_input_contents: tensors.map(rawContents),
    };
    const { outputs, raw_output_contents } = await this.#client.infer(request, abortSignal);
    const result = { tensors: {} as Record<string, Tensor>, resident: {} as Record<string, ResidentTensor> };
    for (const [output, { shape }] of graph.outputs) {
      const index = outputs.findIndex((each) => each.name === output);
      const answer = outputs[index];
      if (answer === undefined)
        throw new AidError(
          'engine-failed',
          `${this.#client.address}: ${name}: ${output} is missing in the answer`,
        );
      const tensor = inShape(tensorOf(answer, raw_output_contents[index]), shape, rows, answer);
      if (keep.includes(output)) result.resident[output] = new HeldTensor(tensor);
      else result.tensors[output] = placed(tensor, into[output]);
    }
    return result;
  }
}

/** The same tensor in the memory that was given for it. */
function placed(tensor: Tensor, memory: Float32Array | undefined): Tensor {
  if (memory === undefined || tensor.dataType !== 'float32') return tensor;
  memory.set(tensor.data);
  return { ...tensor, data: memory };
}

/** Stays here and travels at every run: the server remembers nothing. */
class HeldTensor implements ResidentTensor {
  readonly dims: readonly number[];
  #tensor: Tensor | undefined;

  constructor(tensor: Tensor) {
    this.dims = tensor.dims;
    this.#tensor = tensor;
  }

  get tensor(): Tensor {
    if (this.#tensor === undefined)
      throw new AidError('engine-failed', 'a resident tensor was used after its release');
    return this.#tensor;
  }

  async release(): Promise<void> {
    this.#tensor = undefined;
  }
}

function tensorOfInput(input: RunInput): Tensor {
  if (input instanceof HeldTensor) return input.tensor;
  if (!('data' in input)) throw new AidError('invalid-argument', 'a tensor that another engine keeps');
  return input;
}

/** How a tensor of the graph's own shape is called where the batch comes first. */
function described(graph: Graph, { name, shape, dataType }: Value, tensor: Tensor): TensorMetadata {
  const batch = batchOf(shape, tensor.dims);
  if (batch === undefined || tensor.dataType !== dataType)
    throw new AidError(
      'invalid-argument',
      `${graph.name}: ${name}: expected ${dataType} [${shape.map((dim) => (typeof dim === 'number' ? dim : `${dim.batch}B`))}], ` +
        `got ${tensor.dataType} [${tensor.dims}]`,
    );
  return { name, datatype: DATATYPES[tensor.dataType], shape: atBatch(batchFirstShape(shape), batch) };
}

/** An answer as the graph has it: a row for each that was asked for. Errors: `engine-failed`. */
function inShape(tensor: Tensor, shape: Shape, rows: number, { name, shape: told }: TensorMetadata): Tensor {
  const expected = batchFirstShape(shape);
  if (batchOf(expected, told) !== rows)
    throw new AidError('engine-failed', `${name}: expected [${atBatch(expected, rows)}], got [${told}]`);
  return { ...tensor, dims: atBatch(shape, rows) } as Tensor;
}

/** How servers say that they do not know a model, or that a version is none. */
const UNKNOWN: ReadonlySet<number | undefined> = new Set([
  status.NOT_FOUND,
  status.UNIMPLEMENTED,
  status.INVALID_ARGUMENT,
]);

function isUnknown({ cause }: AidError): boolean {
  return UNKNOWN.has((cause as Partial<ServiceError> | undefined)?.code);
}

/** Whether the server's model takes and gives what the graph does. */
function checkModel(
  { name, graph, inputs }: ServedModel,
  found: ModelMetadataResponse,
  server: string,
): void {
  const wrong = [
    ...problems(
      inputs.map((value) => [value.name, value] as const),
      found.inputs,
    ),
    ...problems([...graph.outputs], found.outputs),
  ];
  if (wrong.length === 0) return;
  throw new AidError(
    'engine-unavailable',
    `${server}: ${name} is not what was exported: ${wrong.join('; ')}`,
  );
}

function problems(wanted: readonly (readonly [string, Value])[], found: readonly TensorMetadata[]): string[] {
  return wanted.flatMap(([name, { dataType, shape }]) => {
    const there = found.find((each) => each.name === name);
    if (there === undefined) return [`it has no ${name}`];
    const datatype = dataType === 'int64' ? DATATYPES.int64 : DATATYPES.float32;
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : -1));
    const fits =
      there.datatype === datatype &&
      there.shape.length === dims.length &&
      there.shape.every((dim, i) => dim === dims[i] || dim === -1);
    return fits ? [] : [`${name} is ${there.datatype} [${there.shape}], expected ${datatype} [${dims}]`];
  });
}
