// A small inference server of the Open Inference Protocol, a process of its own: runs an exported repository on
// onnxruntime, and misbehaves as told. Prints its port; reads a line of JSON, a Behaviour, on stdin at any time.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  decodeMessage,
  encodeMessage,
  rawContents,
  tensorOf,
} from '#planner/runtime/open-inference-protocol/messages.js';

const [repository, port = '0'] = process.argv.slice(2);
/** A Behaviour of inference-server.ts. */
let mode = { kind: 'well', runs: Number.POSITIVE_INFINITY };
/** Runs asked for, calls that were given up, and the most runs that were computed as one. */
const counts = { seen: 0, cancelled: 0, together: 0 };

const models = new Map();
for (const name of readdirSync(repository)) {
  const session = await InferenceSession.create(join(repository, name, '1', 'model.onnx'), {
    intraOpNumThreads: 1,
  });
  models.set(name, session);
}

const DATATYPES = { float32: 'FP32', int64: 'INT64' };
const described = (list) =>
  list.map(({ name, type, shape }) => ({
    name,
    datatype: DATATYPES[type],
    shape: shape.map((dim) => (typeof dim === 'number' ? dim : -1)),
  }));

function found(name, version) {
  const session = models.get(name);
  if (session === undefined)
    throw { code: status.NOT_FOUND, details: `Request for unknown model: '${name}' is not found` };
  if (version !== '' && version !== '1')
    throw {
      code: status.NOT_FOUND,
      details: `Request for unknown model: '${name}' version ${version} is not found`,
    };
  return session;
}

function metadata({ name, version }) {
  if (mode.kind === 'deaf') return new Promise(() => undefined);
  const session = found(name, version);
  return {
    name,
    versions: ['1'],
    platform: 'onnx',
    inputs: described(session.inputMetadata).slice(mode.kind === 'other' ? 1 : 0),
    outputs: described(session.outputMetadata),
  };
}

async function infer(request) {
  const session = found(request.model_name, request.model_version);
  counts.seen += 1;
  const { kind } = mode;
  if (kind !== 'well' && --mode.runs <= 0) mode = { kind: 'well', runs: Number.POSITIVE_INFINITY };
  if (kind === 'slow' || kind === 'deaf') return new Promise(() => undefined);
  if (kind === 'busy') throw { code: status.UNAVAILABLE, details: 'Exceeds maximum queue size' };
  if (kind === 'broken') throw { code: status.INTERNAL, details: 'onnx runtime error 2: something is off' };
  if (kind === 'die') process.kill(process.pid, 'SIGKILL');
  const feeds = Object.fromEntries(
    request.inputs.map((input, i) => [input.name, tensorOf(input, request.raw_input_contents[i])]),
  );
  const results =
    kind === 'together' ? await runTogether(request.model_name, session, feeds) : await runOf(session, feeds);
  const copies = kind === 'more' ? 2 : 1;
  const outputs = session.outputMetadata.map(({ name, type }) => {
    const [rows, ...dims] = results[name].dims;
    return { name, datatype: DATATYPES[type], shape: [copies * rows, ...dims] };
  });
  const raw = session.outputNames.map((name) =>
    Buffer.concat(Array(copies).fill(rawContents(results[name]))),
  );
  return {
    model_name: request.model_name,
    model_version: '1',
    outputs,
    raw_output_contents: kind === 'short' ? raw.map((bytes) => bytes.subarray(4)) : raw,
  };
}

const runOf = (session, feeds) =>
  session.run(
    Object.fromEntries(
      Object.entries(feeds).map(([name, { dataType, data, dims }]) => [
        name,
        new Tensor(dataType, data, dims),
      ]),
    ),
  );

/** Runs that wait for others to join them, by the model. */
const waiting = new Map();
const WAIT_MS = 30;

/** As Triton's dynamic batching does: rows of several requests in one run. */
function runTogether(name, session, feeds) {
  return new Promise((resolve, reject) => {
    const group = waiting.get(name) ?? [];
    group.push({ feeds, resolve, reject });
    if (group.length > 1) return;
    waiting.set(name, group);
    setTimeout(async () => {
      waiting.delete(name);
      counts.together = Math.max(counts.together, group.length);
      try {
        const rows = group.map((each) => Object.values(each.feeds)[0].dims[0]);
        const whole = Object.fromEntries(
          Object.keys(feeds).map((input) => [input, joined(group.map((each) => each.feeds[input]))]),
        );
        const results = await runOf(session, whole);
        let from = 0;
        for (const [i, each] of group.entries()) {
          const to = from + rows[i];
          each.resolve(
            Object.fromEntries(Object.entries(results).map(([name, all]) => [name, rowsOf(all, from, to)])),
          );
          from = to;
        }
      } catch (error) {
        for (const each of group) each.reject(error);
      }
    }, WAIT_MS);
  });
}

function joined(tensors) {
  const [{ dataType, data, dims }] = tensors;
  const whole = new data.constructor(tensors.reduce((sum, each) => sum + each.data.length, 0));
  let from = 0;
  for (const each of tensors) {
    whole.set(each.data, from);
    from += each.data.length;
  }
  const rows = tensors.reduce((sum, each) => sum + each.dims[0], 0);
  return { dataType, data: whole, dims: [rows, ...dims.slice(1)] };
}

function rowsOf({ data, dims: [rows, ...dims] }, from, to) {
  const size = data.length / rows;
  return { data: data.slice(from * size, to * size), dims: [to - from, ...dims] };
}

const method = (path, asked, given, answer) => ({
  definition: {
    path: `/inference.GRPCInferenceService/${path}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message) => message,
    requestDeserialize: (bytes) => decodeMessage(asked, bytes),
    responseSerialize: (message) => encodeMessage(given, message),
    responseDeserialize: (message) => message,
  },
  handle: (call, done) => {
    call.on('cancelled', () => {
      counts.cancelled += 1;
    });
    Promise.resolve()
      .then(() => answer(call.request))
      .then(
        (response) => done(null, response),
        (error) => done('code' in error ? error : { code: status.INTERNAL, details: String(error) }),
      );
  },
});
const methods = {
  ModelMetadata: method('ModelMetadata', 'ModelMetadataRequest', 'ModelMetadataResponse', metadata),
  ModelInfer: method('ModelInfer', 'ModelInferRequest', 'ModelInferResponse', infer),
};
const server = new Server({ 'grpc.max_receive_message_length': -1 });
server.addService(
  Object.fromEntries(Object.entries(methods).map(([name, { definition }]) => [name, definition])),
  Object.fromEntries(Object.entries(methods).map(([name, { handle }]) => [name, handle])),
);
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
  if (error !== null) throw error;
  process.stdout.write(`${JSON.stringify({ port: bound })}\n`);
});
createInterface({ input: process.stdin }).on('line', (line) => {
  mode = { runs: Number.POSITIVE_INFINITY, ...JSON.parse(line) };
  process.stdout.write(`${JSON.stringify(counts)}\n`);
});
