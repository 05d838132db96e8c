/** The thread that onnxruntime blocks, so that no other is blocked. Requests are answered in order. */
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Tensor } from '../tensor.js';
import type {
  LoadReply,
  ReplyEnvelope,
  RequestEnvelope,
  RunReply,
  RunRequest,
  SessionRequest,
  WorkerRequest,
} from './messages.js';

const sessions = new Map<number, InferenceSession>();
const residents = new Map<number, OrtTensor>();

async function load(request: SessionRequest): Promise<LoadReply> {
  const { session, model, weightFolder, provider, threads, sparesMemory } = request;
  const loaded = await InferenceSession.create(model, {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    enableCpuMemArena: !sparesMemory,
    enableMemPattern: !sparesMemory,
    logSeverityLevel: 3,
    extra: {
      session: {
        model_external_initializers_file_folder_path: weightFolder,
        set_denormal_as_zero: '1',
      },
    },
  });
  sessions.set(session, loaded);
  return { inputNames: loaded.inputNames, outputNames: loaded.outputNames };
}

async function run({ session, inputs, keep }: RunRequest): Promise<RunReply> {
  const feeds: Record<string, OrtTensor> = {};
  for (const [name, input] of Object.entries(inputs))
    feeds[name] = 'resident' in input ? residentOf(input.resident) : toOrt(input);
  const outputs = await sessionOf(session).run(feeds);
  const tensors: Record<string, Tensor> = {};
  const residentDims: Record<string, readonly number[]> = {};
  for (const [name, output] of Object.entries(outputs)) {
    const kept = keep[name];
    if (kept === undefined) tensors[name] = fromOrt(output);
    else {
      residents.set(kept, output);
      residentDims[name] = output.dims;
    }
  }
  return { tensors, residentDims };
}

function toOrt(tensor: Tensor): OrtTensor {
  return tensor.dataType === 'float32'
    ? new OrtTensor('float32', ownFloats(tensor.data), [...tensor.dims])
    : new OrtTensor('int64', tensor.data, [...tensor.dims]);
}

/** onnxruntime takes no shared memory. */
const ownFloats = (data: Float32Array): Float32Array =>
  data.buffer instanceof SharedArrayBuffer ? data.slice() : data;

function fromOrt({ dims, data }: OrtTensor): Tensor {
  // A copy: the engine's own memory is freed with the tensor.
  if (data instanceof Float32Array) return { dataType: 'float32', dims, data: data.slice() };
  if (data instanceof BigInt64Array) return { dataType: 'int64', dims, data: data.slice() };
  throw new Error(`an output has a type that is not handled: ${data.constructor.name}`);
}

function sessionOf(id: number): InferenceSession {
  const session = sessions.get(id);
  if (session === undefined) throw new Error('the session was released');
  return session;
}

function residentOf(id: number): OrtTensor {
  const tensor = residents.get(id);
  if (tensor === undefined) throw new Error('a resident tensor was used after its release');
  return tensor;
}

const { stop } = workerData as { stop: Int32Array };

async function answer(request: WorkerRequest): Promise<LoadReply | RunReply | null> {
  if (Atomics.load(stop, 0) !== 0) throw new Error('the engine was disposed');
  switch (request.kind) {
    case 'load':
      return load(request);
    case 'run':
      return run(request);
    case 'release-session': {
      const session = sessions.get(request.session);
      sessions.delete(request.session);
      await session?.release();
      return null;
    }
    case 'release-tensor':
      residents.get(request.resident)?.dispose();
      residents.delete(request.resident);
      return null;
  }
}

let previous: Promise<void> = Promise.resolve();
parentPort?.on('message', ({ id, request }: RequestEnvelope) => {
  previous = previous.then(async () => {
    let envelope: ReplyEnvelope;
    try {
      envelope = { id, ok: true, reply: await answer(request) };
    } catch (error) {
      envelope = { id, ok: false, message: (error as Error).message };
    }
    parentPort?.postMessage(envelope, buffersOf(envelope));
  });
});

function buffersOf(envelope: ReplyEnvelope): ArrayBuffer[] {
  if (!envelope.ok || envelope.reply === null || !('tensors' in envelope.reply)) return [];
  return Object.values(envelope.reply.tensors).map(({ data }) => data.buffer as ArrayBuffer);
}
