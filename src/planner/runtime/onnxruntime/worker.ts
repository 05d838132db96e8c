/** The thread that onnxruntime blocks, so that no other is blocked. It has one request at a time. */
import { parentPort } from 'node:worker_threads';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Tensor } from '../tensor.js';
import type { LoadReply, Reply, RunReply, RunRequest, SessionRequest, WorkerRequest } from './messages.js';

const sessions = new Map<number, InferenceSession>();
const residents = new Map<number, OrtTensor>();
/** Of each session, by input: where shared numbers are copied to, run after run. */
const copies = new Map<number, Map<string, Float32Array>>();

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

async function run({ session, inputs, keep, into }: RunRequest): Promise<RunReply> {
  const feeds: Record<string, OrtTensor> = {};
  for (const [name, input] of Object.entries(inputs))
    feeds[name] = 'resident' in input ? residentOf(input.resident) : toOrt(input, session, name);
  const outputs = await sessionOf(session).run(feeds);
  const tensors: Record<string, Tensor> = {};
  const residentDims: Record<string, readonly number[]> = {};
  for (const [name, output] of Object.entries(outputs)) {
    const kept = keep[name];
    if (kept === undefined) tensors[name] = fromOrt(output, into[name]);
    else {
      residents.set(kept, output);
      residentDims[name] = output.dims;
    }
  }
  return { tensors, residentDims };
}

function toOrt(tensor: Tensor, session: number, name: string): OrtTensor {
  return tensor.dataType === 'float32'
    ? new OrtTensor('float32', ownFloats(tensor.data, session, name), [...tensor.dims])
    : new OrtTensor('int64', tensor.data, [...tensor.dims]);
}

/** onnxruntime takes no shared memory. */
function ownFloats(data: Float32Array, session: number, name: string): Float32Array {
  if (!(data.buffer instanceof SharedArrayBuffer)) return data;
  const known = copies.get(session)?.get(name);
  const copy = known?.length === data.length ? known : new Float32Array(data.length);
  copy.set(data);
  copies.set(session, (copies.get(session) ?? new Map()).set(name, copy));
  return copy;
}

function fromOrt({ dims, data }: OrtTensor, into: Float32Array | undefined): Tensor {
  // A copy: the engine's own memory is freed with the tensor.
  if (data instanceof Float32Array) {
    into?.set(data);
    return { dataType: 'float32', dims, data: into ?? data.slice() };
  }
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

async function answer(request: WorkerRequest): Promise<LoadReply | RunReply | null> {
  switch (request.kind) {
    case 'load':
      return load(request);
    case 'run':
      return run(request);
    case 'release-session': {
      const session = sessions.get(request.session);
      sessions.delete(request.session);
      copies.delete(request.session);
      await session?.release();
      return null;
    }
    case 'release-tensor':
      residents.get(request.resident)?.dispose();
      residents.delete(request.resident);
      return null;
  }
}

parentPort?.on('message', async (request: WorkerRequest) => {
  let reply: Reply;
  try {
    reply = { ok: true, reply: await answer(request) };
  } catch (error) {
    reply = { ok: false, message: (error as Error).message };
  }
  parentPort?.postMessage(reply, buffersOf(reply));
});

function buffersOf(reply: Reply): ArrayBuffer[] {
  if (!reply.ok || reply.reply === null || !('tensors' in reply.reply)) return [];
  const buffers = Object.values(reply.reply.tensors).map(({ data }) => data.buffer);
  return buffers.filter((buffer) => buffer instanceof ArrayBuffer);
}
