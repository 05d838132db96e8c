import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Graph } from '#planner/onnx/graph.js';
import { linear } from '#planner/onnx/layers/linear.js';
import { toOnnxFile } from '#planner/onnx/onnx-file.js';
import { add, multiply } from '#planner/onnx/ops/elementwise.js';
import { matMul } from '#planner/onnx/ops/product.js';
import { Scope } from '#planner/onnx/scope.js';
import { BATCH } from '#planner/onnx/shape.js';
import { Random } from '#planner/random.js';
import { loadEverywhere } from '#planner/runtime/onnxruntime/load-everywhere.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { WorkerClient } from '#planner/runtime/onnxruntime/worker-client.js';
import { floatTensor, sharedFloats } from '#planner/runtime/tensor.js';
import { noWeights } from '#planner/runtime/weight-source.js';
import { readSafetensorsHeader, writeSafetensors } from '#planner/weights/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'aid-engine-'));
const engine = new OnnxRuntimeEngine({ threads: 1 });
afterAll(async () => {
  await engine.dispose();
  rmSync(folder, { recursive: true });
});

/** y = 2 x, at any batch. */
function doubling(): Graph {
  const graph = new Graph('doubling');
  graph.output('y', multiply(graph.input('x', 'float32', [BATCH, 2]), 2));
  return graph;
}

/** About a tenth of a second of work. */
function slow(): Graph {
  const graph = new Graph('slow');
  let x = graph.input('x', 'float32', [256, 256]);
  for (let i = 0; i < 60; i++) x = matMul(x, x);
  graph.output('y', x);
  return graph;
}
const slowInput = { x: floatTensor([256, 256], new Float32Array(256 * 256)) };

const floats = (...values: number[]) => floatTensor([values.length / 2, 2], Float32Array.from(values));
const load = (graph: Graph, on = engine) => on.load(graph, { weights: noWeights });

describe('an engine', () => {
  it('runs a graph at any batch and leaves its inputs alone', async () => {
    const session = await load(doubling());
    const x = floats(1, 2, 3, 4);
    const { tensors } = await session.run({ x });
    expect(tensors['y']).toEqual({ dataType: 'float32', dims: [2, 2], data: Float32Array.of(2, 4, 6, 8) });
    expect(x.data).toEqual(Float32Array.of(1, 2, 3, 4));
    expect((await session.run({ x: floats(5, 6) })).tensors['y']?.data).toEqual(Float32Array.of(10, 12));
  });

  it('gives the same whether weights in half precision are cast once or at every run', async () => {
    const file = join(folder, 'halves.safetensors');
    const random = new Random(3);
    const half = (...shape: number[]) => ({
      shape,
      data: random.normals(shape.reduce((a, b) => a * b, 1)),
      as: 'F16' as const,
    });
    await writeSafetensors(
      file,
      new Map([
        ['out.weight', half(5, 4)],
        ['out.bias', half(5)],
      ]),
    );
    const stored = readSafetensorsHeader(file);
    const graph = new Graph('halves');
    graph.output('y', linear(new Scope(graph).at('out'), graph.input('x', 'float32', [BATCH, 4]), 5));
    const x = floatTensor([3, 4], random.normals(12));
    const outputs: unknown[] = [];
    for (const castAtRun of [false, true]) {
      const session = await engine.load(graph, { weights: (key) => stored.get(key), castAtRun });
      expect(session.inputNames).toEqual(['x']);
      for (let run = 0; run < 2; run++) outputs.push((await session.run({ x })).tensors['y']);
      await session.release();
    }
    expect(outputs[0]).toMatchObject({ dims: [3, 5] });
    for (const output of outputs) expect(output).toEqual(outputs[0]);
  });

  it('answers concurrent runs each with its own result', async () => {
    const session = await load(doubling());
    const runs = Array.from({ length: 20 }, (_, i) => session.run({ x: floats(i, -i) }));
    const results = await Promise.all(runs);
    expect(results.map(({ tensors }) => tensors['y']?.data[0])).toEqual(runs.map((_, i) => 2 * i));
  });

  it('runs a graph that was loaded for parallel runs on several threads, and keeps none of its outputs', async () => {
    const two = new OnnxRuntimeEngine({ threads: 2 });
    onTestFinished(() => two.dispose());
    const session = await two.load(doubling(), { weights: noWeights, parallelRuns: 2 });
    const runs = Array.from({ length: 20 }, (_, i) => session.run({ x: floats(i, -i) }));
    const results = await Promise.all(runs);
    expect(results.map(({ tensors }) => tensors['y']?.data[0])).toEqual(runs.map((_, i) => 2 * i));
    await expect(session.run({ x: floats(1, 2) }, { keep: ['y'] })).rejects.toThrow(/no output can be kept/);
    await session.release();
    await expect(session.run({ x: floats(1, 2) })).rejects.toThrow(/released/);
  });

  it('gives the same bits every time', async () => {
    const session = await load(slow());
    const x = floatTensor(
      [256, 256],
      new Random(1).normals(256 * 256).map((value) => value / 20),
    );
    const [first, second] = [await session.run({ x }), await session.run({ x })];
    expect(second.tensors['y']?.data).toEqual(first.tensors['y']?.data);
  });

  it('writes outputs into shared memory that it is given, from inputs in shared memory that changes', async () => {
    const session = await load(doubling());
    const [data, into] = [Float32Array.of(1, 2), Float32Array.of(0, 0)].map(sharedFloats) as [
      Float32Array,
      Float32Array,
    ];
    const run = () => session.run({ x: floatTensor([1, 2], data) }, { into: { y: into } });
    expect((await run()).tensors['y']?.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([...into]).toEqual([2, 4]);
    data.set([5, 6]);
    await run();
    expect([...into]).toEqual([10, 12]);
    // Of another length: no memory of the last run's is in the way.
    const longer = floatTensor([2, 2], sharedFloats(Float32Array.of(1, 2, 3, 4)));
    expect([...((await session.run({ x: longer })).tensors['y']?.data ?? [])]).toEqual([2, 4, 6, 8]);
  });

  it('keeps a tensor for other runs and other sessions until it is released', async () => {
    const session = await load(doubling());
    const { resident, tensors } = await session.run({ x: floats(1, 2) }, { keep: ['y'] });
    expect(tensors).toEqual({});
    const kept = resident['y'];
    if (kept === undefined) throw new Error('nothing was kept');
    expect(kept.dims).toEqual([1, 2]);
    const other = await load(doubling());
    await session.release();
    expect((await other.run({ x: kept })).tensors['y']?.data).toEqual(Float32Array.of(4, 8));
    expect((await other.run({ x: kept })).tensors['y']?.data).toEqual(Float32Array.of(4, 8));
    await kept.release();
    await kept.release();
    await expect(other.run({ x: kept })).rejects.toMatchObject({ code: 'engine-failed' });
  });

  it('says which input is missing, and fails on one of another shape', async () => {
    const session = await load(doubling());
    await expect(session.run({})).rejects.toMatchObject({
      code: 'invalid-argument',
      message: 'doubling: no value given for x',
    });
    const wide = floatTensor([1, 3], new Float32Array(3));
    await expect(session.run({ x: wide })).rejects.toMatchObject({ code: 'engine-failed' });
    expect((await session.run({ x: floats(1, 2) })).tensors['y']?.data).toEqual(Float32Array.of(2, 4));
  });

  it('refuses to run what was released', async () => {
    const session = await load(doubling());
    await session.release();
    await expect(session.run({ x: floats(1, 2) })).rejects.toMatchObject({ code: 'engine-failed' });
  });

  it('says that a provider is not there', async () => {
    const absent = new OnnxRuntimeEngine({ provider: 'tensorrt' });
    await expect(load(doubling(), absent)).rejects.toMatchObject({
      code: 'engine-unavailable',
      message: expect.stringContaining('tensorrt cannot be used here'),
    });
    await absent.dispose();
  });
});

describe('weights', () => {
  const values = Float32Array.of(1, -2.5, 0.5, 65504, 3, -0.125);
  const file = join(folder, 'weights.safetensors');
  beforeAll(() =>
    writeSafetensors(
      file,
      new Map([
        ['half.weight', { shape: [3, 2], data: values, as: 'F16' as const }],
        ['single.weight', { shape: [3, 2], data: values }],
      ]),
    ),
  );

  it.each(['half', 'single'])('are read from their file where they lie, in %s precision', async (name) => {
    const stored = readSafetensorsHeader(file);
    const graph = new Graph('weights');
    const x = graph.input('x', 'float32', [2, 2]);
    graph.output('y', linear(new Scope(graph).at(name), x, 3, { bias: false }));
    const session = await engine.load(graph, { weights: (key) => stored.get(key) });
    expect(session.inputNames).toEqual(['x']);
    const { tensors } = await session.run({ x: floats(1, 0, 0, 1) });
    expect(tensors['y']?.data).toEqual(Float32Array.of(1, 0.5, 3, -2.5, 65504, -0.125));
  });

  it('that have no file are inputs', async () => {
    const graph = new Graph('weights');
    const x = graph.input('x', 'float32', [1, 2]);
    graph.output('y', add(x, graph.parameter('bias', [2])));
    const session = await load(graph);
    expect([...session.inputNames].sort()).toEqual(['bias', 'x']);
    const bias = floatTensor([2], Float32Array.of(10, 20));
    expect((await session.run({ x: floats(1, 2), bias })).tensors['y']?.data).toEqual(
      Float32Array.of(11, 22),
    );
  });
});

it('makes a tensor of one number itself: the file has only the number', async () => {
  const graph = new Graph('filled');
  const x = graph.input('x', 'float32', [1]);
  graph.output('y', add(graph.filled(0.5, [1 << 20]), x));
  expect(toOnnxFile(graph, { parameters: () => ({ kind: 'input' }) }).length).toBeLessThan(1000);
  const { tensors } = await (await load(graph)).run({ x: floatTensor([1], Float32Array.of(1)) });
  expect(tensors['y']?.dims).toEqual([1 << 20]);
  expect(new Set<number | bigint>(tensors['y']?.data)).toEqual(new Set([1.5]));
});

it('runs that wait for another are taken back, and end before it does', async () => {
  const session = await load(slow());
  const controller = new AbortController();
  const ended: string[] = [];
  const run = (name: string, abortSignal?: AbortSignal) =>
    session.run(slowInput, { abortSignal }).finally(() => ended.push(name));
  const first = run('first', controller.signal);
  const waiting = Promise.allSettled([run('second', controller.signal), run('third', controller.signal)]);
  const last = run('last');
  controller.abort();
  for (const each of await waiting) expect(each).toMatchObject({ reason: { code: 'aborted' } });
  await Promise.all([first, last]);
  expect(ended).toEqual(['second', 'third', 'first', 'last']);
});

describe('an engine that ends', () => {
  it('fails the runs that are under way and every later one', async () => {
    const mortal = new OnnxRuntimeEngine({ threads: 1 });
    const session = await load(slow(), mortal);
    const runs = [session.run(slowInput), session.run(slowInput), session.run(slowInput)];
    const settled = Promise.allSettled(runs);
    await mortal.dispose();
    for (const run of await settled) {
      expect(run).toMatchObject({
        status: 'rejected',
        reason: {
          name: 'AidError',
          code: 'engine-failed',
          message: expect.stringMatching(/engine was disposed/),
        },
      });
    }
    await expect(session.run(slowInput)).rejects.toMatchObject({ code: 'engine-failed' });
    await expect(load(doubling(), mortal)).rejects.toMatchObject({ code: 'engine-failed' });
    await mortal.dispose();
  });

  it('is waited for by everybody who ends it', async () => {
    const mortal = new OnnxRuntimeEngine({ threads: 1 });
    const session = await load(slow(), mortal);
    session.run(slowInput).catch(() => undefined);
    await Promise.all([mortal.dispose(), mortal.dispose()]);
  });

  const script = (source: string): URL => new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const listen = "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => ";

  it('because its thread throws says what it threw', async () => {
    const client = new WorkerClient(script(`${listen} { throw new Error('out of luck'); });`));
    const requests = [1, 2].map((session) => client.request({ kind: 'release-session', session }));
    for (const request of requests) {
      await expect(request).rejects.toMatchObject({
        code: 'engine-failed',
        message: "the engine's thread failed: out of luck",
        cause: { message: 'out of luck' },
      });
    }
    await expect(client.request({ kind: 'release-session', session: 3 })).rejects.toMatchObject({
      code: 'engine-failed',
    });
  });

  it('keeps no session where another of its threads could not load it', async () => {
    const [well, gone] = [new WorkerClient(), new WorkerClient(script(`${listen} process.exit(3));`))];
    onTestFinished(() => well.terminate());
    const request = {
      kind: 'load' as const,
      session: 1,
      model: toOnnxFile(doubling(), { parameters: () => ({ kind: 'input' }) }),
      weightFolder: '',
      provider: 'cpu' as const,
      threads: 1,
      sparesMemory: false,
    };
    await expect(loadEverywhere([well, gone], request)).rejects.toMatchObject({ code: 'engine-failed' });
    const run = { kind: 'run' as const, session: 1, inputs: { x: floats(1, 2) }, keep: {}, into: {} };
    await expect(well.request(run)).rejects.toThrow('the session was released');
  });

  it('because its thread is gone says so', async () => {
    const client = new WorkerClient(script(`${listen} process.exit(3));`));
    await expect(client.request({ kind: 'release-session', session: 1 })).rejects.toMatchObject({
      code: 'engine-failed',
      message: "the engine's thread ended with status 3",
    });
  });
});
