import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { EndEvent, ImagineEvent } from '#planner/imagination/events.js';
import { exportTriton } from '#planner/imagination/export-triton.js';
import type { ImagineRequest } from '#planner/imagination/request.js';
import { batchFirst, batchFirstShape, batchOf } from '#planner/onnx/batch-first.js';
import { Graph } from '#planner/onnx/graph.js';
import { BATCH, times } from '#planner/onnx/shape.js';
import {
  OpenInferenceEngine,
  type OpenInferenceEngineOptions,
} from '#planner/runtime/open-inference-protocol/open-inference-engine.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { inferenceServer } from '../../support/inference-server.js';
import { writeTinyModel } from '../../support/tiny-model.js';
import { largestDifference, picture } from '../conditioning/pictures.js';

let scratch = '';
let model = '';
let repository = '';
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'aid-cluster-'));
  model = await writeTinyModel(join(scratch, 'model'));
  repository = join(scratch, 'repository');
  mkdirSync(repository);
  await exportTriton(model, repository);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const request = {
  frames: [picture(32, 32)],
  instruction: 'put the red cube on the blue plate',
  seed: 7,
  frameGuidance: 2,
} satisfies ImagineRequest;

async function remote(url: string, options: Partial<OpenInferenceEngineOptions> = {}): Promise<VideoPlanner> {
  const engine = new OpenInferenceEngine({ url, retries: 2, timeoutMs: 30_000, ...options });
  onTestFinished(() => engine.dispose());
  return VideoPlanner.load(model, { engine });
}

async function clip(
  planner: VideoPlanner,
  changes: Partial<ImagineRequest> = {},
  onEvent: (event: ImagineEvent) => unknown = () => undefined,
): Promise<EndEvent> {
  for await (const event of planner.imagine({ ...request, ...changes })) {
    await onEvent(event);
    if (event.kind === 'end') return event;
  }
  throw new Error('no end');
}

const WAIT = { timeout: 10_000, interval: 20 };

const bytes = ({ frames }: EndEvent): Buffer => Buffer.concat(frames.map(({ data }) => data));

describe('the exported repository', () => {
  it('has a model for each graph, with its weights and the batch first', () => {
    const names = readdirSync(repository);
    const stems = names.map((name) => name.replace(/-[0-9a-f]{12}$/, '')).sort();
    const decoders = ['decoder', 'decoder', 'decoder', 'decoder'];
    expect(stems).toEqual(['condition', ...decoders, 'denoiser', 'frame-encoder', 'vision-tower']);
    for (const name of names) {
      expect(readdirSync(join(repository, name, '1')).sort()).toEqual(['model.onnx', 'weights.bin']);
      const config = readFileSync(join(repository, name, 'config.pbtxt'), 'utf8');
      expect(config).toContain(`name: "${name}"`);
      expect(config).toContain('backend: "onnxruntime"');
      expect(config).toContain('dynamic_batching');
    }
    const denoiser = names.find((name) => name.startsWith('denoiser')) ?? '';
    const config = readFileSync(join(repository, denoiser, 'config.pbtxt'), 'utf8');
    expect(config).toContain('name: "sample"\n  data_type: TYPE_FP32\n  dims: [ 4, 8, 8, 8 ]');
    expect(config).toContain('name: "timestep"\n  data_type: TYPE_FP32\n  dims: [ 1 ]');
  });

  it('points to the weights where that is wanted', async () => {
    const linked = join(scratch, 'linked');
    mkdirSync(linked);
    const { models } = await exportTriton(model, linked, { weights: 'link' });
    expect([...models].sort()).toEqual(readdirSync(repository).sort());
    for (const name of models)
      for (const file of readdirSync(join(linked, name, '1')).filter((each) => each.startsWith('weights')))
        expect(lstatSync(join(linked, name, '1', file)).nlink).toBeGreaterThan(1);
    const { url } = await inferenceServer(linked);
    await expect(clip(await remote(url))).resolves.toMatchObject({ kind: 'end' });
  });

  it('refuses lengths and sizes that cannot be', async () => {
    for (const options of [{ clipLengths: [99] }, { maxBatchSize: 2 }, { maxQueueSize: 0 }])
      await expect(exportTriton(model, join(scratch, 'no'), options)).rejects.toMatchObject({
        code: 'invalid-argument',
      });
    expect(existsSync(join(scratch, 'no'))).toBe(false);
  });

  it('refuses a folder that is not there, not empty, or none', async () => {
    const file = join(scratch, 'file');
    writeFileSync(file, '');
    for (const [folder, got] of [
      [join(scratch, 'no'), 'nothing'],
      [repository, 'one with 8 entries'],
      [file, 'a file'],
    ] as const)
      await expect(exportTriton(model, folder)).rejects.toMatchObject({
        code: 'invalid-argument',
        message: `${folder}: expected an empty folder that exists, got ${got}`,
      });
  });

  it('computes fewer rows at once where a row is a clip of pictures', async () => {
    const wide = join(scratch, 'wide');
    mkdirSync(wide);
    const { models } = await exportTriton(model, wide, { maxBatchSize: 48 });
    const limits = models.map((name) => {
      const config = readFileSync(join(wide, name, 'config.pbtxt'), 'utf8');
      return [name.replace(/-[0-9a-f]{12}$/, ''), Number(/max_batch_size: (\d+)/.exec(config)?.[1])];
    });
    // Clips of 4 pictures, and single ones of three sizes.
    expect(limits.filter(([stem]) => stem === 'decoder').map(([, limit]) => limit)).toEqual([16, 48, 48, 48]);
    expect(limits.find(([stem]) => stem === 'denoiser')).toEqual(['denoiser', 48]);
  });
});

describe('a planner whose engine is a server', () => {
  it('imagines the same clip as here, with previews, and says where', async () => {
    const { url } = await inferenceServer(repository);
    const here = await VideoPlanner.load(model, { provider: 'cpu', threads: 1 });
    onTestFinished(() => here.dispose());
    const there = await remote(url);
    let previews = 0;
    const got = await clip(there, { previewFrames: [3], previewDownscale: 2 }, (event) => {
      if (event.kind === 'step') previews += event.preview.size;
    });
    expect(previews).toBe(2);
    expect(largestDifference(bytes(got), bytes(await clip(here)))).toBeLessThanOrEqual(1);
    expect(got.report.engine).toEqual({
      name: 'open-inference-protocol',
      provider: 'remote',
      threads: 0,
      server: url.replace('grpc://', ''),
    });
  });

  it('many robots share one server', async () => {
    const { url } = await inferenceServer(repository);
    const planners = await Promise.all([1, 2, 3].map(() => remote(url)));
    const clips = await Promise.all(planners.map((planner, i) => clip(planner, { seed: i })));
    const alone = await Promise.all(planners.map((_, i) => clip(planners[0] as VideoPlanner, { seed: i })));
    clips.forEach((each, i) => {
      expect(largestDifference(bytes(each), bytes(alone[i] as EndEvent))).toBeLessThanOrEqual(1);
    });
  });

  it('the clip of each robot is its own where the server computes the runs of several as one', async () => {
    const server = await inferenceServer(repository);
    await server.behave({ kind: 'together' });
    const planners = await Promise.all([1, 2, 3, 4].map(() => remote(server.url)));
    // Guidance of one costs one branch: rows of different counts are put together.
    const changes = (i: number): Partial<ImagineRequest> => ({ seed: i, frameGuidance: i % 2 === 0 ? 1 : 2 });
    const clips = await Promise.all(planners.map((planner, i) => clip(planner, changes(i))));
    expect((await server.behave({ kind: 'well' })).together).toBeGreaterThan(1);
    for (const [i, each] of clips.entries()) {
      const alone = await clip(planners[0] as VideoPlanner, changes(i));
      expect(largestDifference(bytes(each), bytes(alone))).toBeLessThanOrEqual(1);
    }
  });

  it.each([
    ['while the server computes', { kind: 'slow' }],
    ['while it is asked for its models', { kind: 'deaf' }],
    ['between two tries', { kind: 'busy' }],
  ] as const)('aborting %s ends the clip at once, and the call', async (_, behaviour) => {
    const server = await inferenceServer(repository);
    const planner = await remote(server.url, { retries: 100 });
    // Those of the frame's networks are found before.
    if (behaviour.kind !== 'deaf') await planner.observe(request.frames);
    const before = await server.behave(behaviour);
    const abort = new AbortController();
    const running = clip(planner, { abortSignal: abort.signal });
    running.catch(() => undefined);
    if (behaviour.kind === 'deaf') await sleep(300);
    else await vi.waitUntil(async () => (await server.behave(behaviour)).seen > before.seen, WAIT);
    abort.abort();
    // Long before the engine's own time limit.
    await expect(Promise.race([running, sleep(10_000, 'waiting')])).rejects.toMatchObject({
      code: 'aborted',
    });
    if (behaviour.kind !== 'slow') return;
    await vi.waitUntil(
      async () => (await server.behave({ kind: 'well' })).cancelled === before.cancelled + 1,
      WAIT,
    );
    await expect(clip(planner)).resolves.toMatchObject({ kind: 'end' });
  });

  it('a deadline gives up the run that the server is at', async () => {
    const server = await inferenceServer(repository);
    const planner = await remote(server.url);
    await clip(planner);
    const before = await server.behave({ kind: 'slow' });
    await expect(clip(planner, { deadlineMs: 2000 })).rejects.toMatchObject({ code: 'deadline-exceeded' });
    await vi.waitUntil(
      async () => (await server.behave({ kind: 'well' })).cancelled === before.cancelled + 1,
      WAIT,
    );
  });

  it('a server killed in the middle is one typed error, soon', async () => {
    const server = await inferenceServer(repository);
    const planner = await remote(server.url);
    const killed = clip(planner, { numInferenceSteps: 20 }, (event) =>
      event.kind === 'step' && event.step === 2 ? server.kill() : undefined,
    );
    await expect(killed).rejects.toMatchObject({
      code: 'engine-unavailable',
      message: expect.stringContaining('no answer from a server'),
    });
  });

  it('a server that dies during a run, and is back in time, is asked again', async () => {
    const server = await inferenceServer(repository);
    const planner = await remote(server.url, { retries: 8 });
    const expected = await clip(planner);
    let back: Promise<unknown> | undefined;
    const got = await clip(planner, {}, async (event) => {
      if (event.kind !== 'step' || event.step !== 1) return;
      await server.behave({ kind: 'die' });
      back = new Promise((resolve) => setTimeout(resolve, 200)).then(() =>
        inferenceServer(repository, server.port),
      );
    });
    await back;
    expect(largestDifference(bytes(got), bytes(expected))).toBeLessThanOrEqual(1);
  });

  it('a busy server is asked again; one that stays busy is a typed error', async () => {
    const server = await inferenceServer(repository);
    const planner = await remote(server.url);
    await server.behave({ kind: 'busy', runs: 2 });
    await expect(clip(planner)).resolves.toMatchObject({ kind: 'end' });
    await server.behave({ kind: 'busy' });
    await expect(clip(planner)).rejects.toMatchObject({ code: 'engine-overloaded' });
  });

  it('a slow server is a typed error, and is not asked again', async () => {
    const server = await inferenceServer(repository);
    const planner = await remote(server.url, { timeoutMs: 3000 });
    await clip(planner);
    const before = await server.behave({ kind: 'slow' });
    await expect(clip(planner)).rejects.toMatchObject({
      code: 'engine-timeout',
      message: expect.stringMatching(/frame-encoder-\w+ did not answer within 3000 ms/),
    });
    expect((await server.behave({ kind: 'well' })).seen - before.seen).toBe(1);
  });

  it('an error inside the server, and answers that are cut short, are typed errors without another try', async () => {
    const server = await inferenceServer(repository);
    const planner = await remote(server.url);
    for (const [kind, message] of [
      ['broken', 'INTERNAL: onnx runtime error 2'],
      ['short', 'expected 1024 bytes, got 1020'],
    ] as const) {
      const before = await server.behave({ kind });
      const failure = expect.objectContaining({
        code: 'engine-failed',
        message: expect.stringContaining(message),
      });
      await expect(clip(planner)).rejects.toEqual(failure);
      expect((await server.behave({ kind })).seen - before.seen).toBe(1);
    }
  });

  it('answers with more rows than were asked for are a typed error, and no other clip', async () => {
    const server = await inferenceServer(repository);
    const planner = await remote(server.url);
    const doubled = clip(planner, {}, async ({ kind }) => {
      if (kind === 'step') await server.behave({ kind: 'more', runs: 1 });
    });
    await expect(doubled).rejects.toMatchObject({
      code: 'engine-failed',
      message: expect.stringContaining('output: expected [2,4,4,8,8], got [4,4,4,8,8]'),
    });
  });

  it('a server with other weights, another version or another length of clip has no such model', async () => {
    const { url } = await inferenceServer(repository);
    const unavailable = (what: RegExp) => ({
      code: 'engine-unavailable',
      message: expect.stringMatching(what),
    });
    await expect(clip(await remote(url, { modelVersion: '2' }))).rejects.toMatchObject(
      unavailable(/does not serve frame-encoder-\w+ in version 2: export/),
    );
    await expect(clip(await remote(url), { numFrames: 3 })).rejects.toMatchObject(
      unavailable(/does not serve condition-\w+ in version 1: .* for clips of this length/),
    );
    const other = await writeTinyModel(join(scratch, 'other'), { seed: 2 });
    const engine = new OpenInferenceEngine({ url });
    onTestFinished(() => engine.dispose());
    const planner = await VideoPlanner.load(other, { engine });
    await expect(clip(planner)).rejects.toMatchObject(unavailable(/does not serve frame-encoder-\w+/));
  });

  it('a model that takes something else than was exported is refused', async () => {
    const server = await inferenceServer(repository);
    await server.behave({ kind: 'other' });
    await expect(clip(await remote(server.url))).rejects.toMatchObject({
      code: 'engine-unavailable',
      message: expect.stringContaining('is not what was exported: it has no pixels'),
    });
  });

  it('no server is a typed error', async () => {
    await expect(clip(await remote('grpc://127.0.0.1:9', { retries: 1 }))).rejects.toMatchObject({
      code: 'engine-unavailable',
    });
  });

  it('disposing ends runs under way', async () => {
    const server = await inferenceServer(repository);
    const engine = new OpenInferenceEngine({ url: server.url });
    const planner = await VideoPlanner.load(model, { engine });
    await clip(planner);
    await server.behave({ kind: 'slow' });
    const running = expect(clip(planner)).rejects.toMatchObject({
      code: 'engine-failed',
      message: expect.stringContaining('disposed'),
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await engine.dispose();
    await running;
  });

  it.each([2, '', null])('refuses the version %j, for which a server would take its newest', (version) => {
    const modelVersion = version as string;
    expect(() => new OpenInferenceEngine({ url: 'grpc://localhost:8001', modelVersion })).toThrow(
      'modelVersion: expected the name of one',
    );
  });

  it.each(['localhost:8001', 'http://localhost:8001', 'grpc://localhost'])(
    'refuses the address %s',
    (url) => {
      expect(() => new OpenInferenceEngine({ url })).toThrow('expected grpc://host:port');
    },
  );
});

it('the batch comes first, and nothing else changes', () => {
  const graph = new Graph('g');
  graph.output('y', graph.input('x', 'float32', [times(BATCH, 14), 2]));
  const { inputs, outputs } = batchFirst(graph);
  expect([inputs[0]?.shape, outputs.get('y')?.shape]).toEqual([
    [BATCH, 14, 2],
    [BATCH, 14, 2],
  ]);
  expect(batchFirstShape([BATCH])).toEqual([BATCH, 1]);
  expect(batchOf([times(BATCH, 14), 2], [28, 2])).toBe(2);
  expect(batchOf([times(BATCH, 14), 2], [27, 2])).toBeUndefined();
  expect(batchOf([BATCH, 2], [3, 1])).toBeUndefined();
});
