/** The engine that runs graphs with onnxruntime, in a thread of its own. */
import { realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parse, relative } from 'node:path';
import { AidError, throwIfAborted } from '../../errors.js';
import type { Graph } from '../../onnx/graph.js';
import { liveNodes } from '../../onnx/live-nodes.js';
import { type Lowerings, lower } from '../../onnx/lower.js';
import { onnxFileInSteps, type ParameterSource } from '../../onnx/onnx-file.js';
import { inTurns } from '../../turns.js';
import type { StoredTensor } from '../../weights/safetensors.js';
import type {
  Engine,
  EngineDescription,
  ExecutionProvider,
  GraphSession,
  LoadOptions,
  ResidentTensor,
  RunInput,
  RunOptions,
  RunResult,
} from '../engine.js';
import { checkEngineOptions } from '../engine-options.js';
import { MOST_HALF_BYTES_CAST_AT_LOAD } from '../estimate.js';
import { externalSource } from '../external-source.js';
import type { Tensor } from '../tensor.js';
import { noWeights, type WeightSource } from '../weight-source.js';
import { missingPart } from './installed.js';
import { loadEverywhere } from './load-everywhere.js';
import type { LoadReply, RunReply } from './messages.js';
import { lowerUntrusted, type Probe } from './trusted-operators.js';
import { WorkerClient } from './worker-client.js';

export interface OnnxRuntimeEngineOptions {
  readonly provider?: ExecutionProvider;
  /** Threads of one operator; all cores unless said otherwise. */
  readonly threads?: number;
}

export class OnnxRuntimeEngine implements Engine {
  readonly description: EngineDescription & { readonly provider: ExecutionProvider };
  /** More than one only once a graph is loaded for parallel runs. */
  readonly #clients: [WorkerClient, ...WorkerClient[]] = [new WorkerClient()];
  #nextNumber = 0;
  #lowerings: Promise<Lowerings> | undefined;

  /** Errors: `invalid-argument`. */
  constructor({ provider = 'cpu', threads = availableParallelism() }: OnnxRuntimeEngineOptions = {}) {
    checkEngineOptions({ provider, threads });
    this.description = { name: 'onnxruntime', provider, threads };
  }

  async load(graph: Graph, options: LoadOptions): Promise<GraphSession> {
    const { provider } = this.description;
    if (provider === 'cpu') return this.#load(graph, options);
    const missing = missingPart(provider);
    if (missing !== undefined)
      throw new AidError('engine-unavailable', `${provider} cannot be used here: ${missing}`);
    this.#lowerings ??= lowerUntrusted((probe) => this.#probe(probe));
    const lowerings = await this.#lowerings;
    return this.#load(lowerings.size === 0 ? graph : lower(graph, lowerings), options);
  }

  async #probe({ graph, inputs }: Probe): Promise<Float32Array> {
    const session = await this.#load(graph, { weights: noWeights }).catch((error: Error) => {
      const cause = error.cause instanceof Error ? error.cause : error;
      const { provider } = this.description;
      throw new AidError('engine-unavailable', `${provider} cannot be used here: ${cause.message.trim()}`, {
        cause,
      });
    });
    try {
      const { tensors } = await session.run(inputs);
      return tensors['y']?.data as Float32Array;
    } finally {
      await session.release();
    }
  }

  async #load(graph: Graph, options: LoadOptions): Promise<GraphSession> {
    const { weights, parallelRuns = 1 } = options;
    const isLarge = (): boolean =>
      this.description.provider === 'cpu' && halfBytes(graph, weights) > MOST_HALF_BYTES_CAST_AT_LOAD;
    const castAtRun = options.castAtRun ?? isLarge();
    let weightFolder = '';
    const realPaths = new Map<string, string>();
    const place = (tensor: StoredTensor): ParameterSource => {
      const path = realPaths.get(tensor.file) ?? realpathSync(tensor.file);
      realPaths.set(tensor.file, path);
      const { root } = parse(path);
      if (weightFolder !== '' && weightFolder !== root) {
        throw new AidError(
          'invalid-model-folder',
          `${path}: expected all weights on ${weightFolder}, this one is on ${root}`,
        );
      }
      weightFolder = root;
      return externalSource(tensor, relative(root, path), tensor.offset);
    };
    const file = onnxFileInSteps(graph, {
      castAtRun,
      parameters: (key) => {
        const stored = weights(key);
        return stored === undefined ? { kind: 'input' } : place(stored);
      },
    });
    const model = await inTurns(file);
    const session = this.#nextNumber++;
    const { provider } = this.description;
    const count = provider === 'cpu' ? Math.max(1, Math.min(parallelRuns, this.description.threads)) : 1;
    const threads = Math.floor(this.description.threads / count);
    while (this.#clients.length < count) this.#clients.push(new WorkerClient());
    const clients = this.#clients.slice(0, count);
    const reply = await loadEverywhere(clients, {
      kind: 'load',
      session,
      model,
      weightFolder,
      provider,
      threads,
      sparesMemory: castAtRun,
    }).catch((cause: Error) => {
      throw new AidError(
        'engine-failed',
        `${graph.name} could not be loaded on ${provider}: ${cause.message.trim()}`,
        { cause },
      );
    });
    return this.#session(graph.name, session, reply, clients);
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.terminate()));
  }

  /** Each run goes to the thread that has the fewest. */
  #session(
    name: string,
    session: number,
    { inputNames, outputNames }: LoadReply,
    clients: readonly WorkerClient[],
  ): GraphSession {
    const members = clients.map((client) => ({ client, runs: 0 }));
    return {
      inputNames,
      outputNames,
      run: async (inputs, options) => {
        if (members.length > 1 && options?.keep !== undefined)
          throw new AidError(
            'invalid-argument',
            `${name}: loaded for parallel runs, so no output can be kept`,
          );
        const member = members.reduce((least, each) => (each.runs < least.runs ? each : least));
        member.runs += 1;
        try {
          return await this.#run(member.client, name, session, inputNames, inputs, options);
        } finally {
          member.runs -= 1;
        }
      },
      release: async () => {
        await Promise.all(
          clients.map((client) => client.request<null>({ kind: 'release-session', session })),
        );
      },
    };
  }

  async #run(
    client: WorkerClient,
    name: string,
    session: number,
    inputNames: readonly string[],
    inputs: Readonly<Record<string, RunInput>>,
    { keep = [], into = {}, abortSignal }: RunOptions = {},
  ): Promise<RunResult> {
    throwIfAborted(abortSignal);
    const missing = inputNames.filter((input) => !(input in inputs));
    if (missing.length > 0)
      throw new AidError('invalid-argument', `${name}: no value given for ${missing.join(', ')}`);
    const feeds: Record<string, Tensor | { resident: number }> = {};
    for (const input of inputNames) {
      const value = inputs[input];
      if (value !== undefined)
        feeds[input] = value instanceof WorkerTensor ? { resident: value.number } : (value as Tensor);
    }
    const numbers = Object.fromEntries(keep.map((output) => [output, this.#nextNumber++]));
    const reply = await client
      .request<RunReply>({ kind: 'run', session, inputs: feeds, keep: numbers, into }, abortSignal)
      .catch((cause: Error) => {
        if (AidError.isInstance(cause) && cause.code === 'aborted') throw cause;
        throw new AidError(
          'engine-failed',
          `${name} failed on ${this.description.provider}: ${cause.message}`,
          { cause },
        );
      });
    const resident: Record<string, ResidentTensor> = {};
    for (const [output, dims] of Object.entries(reply.residentDims)) {
      const number = numbers[output];
      if (number !== undefined) resident[output] = new WorkerTensor(client, number, dims);
    }
    return { tensors: reply.tensors, resident };
  }
}

/** Bytes of the weights that the graph reads and that are stored in half precision. */
function halfBytes(graph: Graph, weights: WeightSource): number {
  let bytes = 0;
  for (const { source } of liveNodes(graph).used) {
    const stored = source.kind === 'parameter' ? weights(source.key) : undefined;
    if (stored?.type === 'F16' || stored?.type === 'BF16') bytes += stored.length;
  }
  return bytes;
}

class WorkerTensor implements ResidentTensor {
  readonly #client: WorkerClient;

  constructor(
    client: WorkerClient,
    readonly number: number,
    readonly dims: readonly number[],
  ) {
    this.#client = client;
  }

  async release(): Promise<void> {
    await this.#client.request<null>({ kind: 'release-tensor', resident: this.number });
  }
}
