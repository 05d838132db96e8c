/** Chooses what runs the graphs. */
import { availableParallelism } from 'node:os';
import { AidError } from '../errors.js';
import { Graph } from '../onnx/graph.js';
import { add } from '../onnx/ops/elementwise.js';
import type { Engine, ExecutionProvider } from './engine.js';
import { checkEngineOptions, type EngineOptions } from './engine-options.js';
import { missingPart } from './onnxruntime/installed.js';
import { OnnxRuntimeEngine } from './onnxruntime/onnxruntime-engine.js';
import { fastestProvider } from './probe/fastest-provider.js';
import { floatTensor } from './tensor.js';
import { noWeights } from './weight-source.js';

/** An engine that has run a small graph. Errors: `invalid-argument`, `engine-unavailable`, `aborted`. */
export async function chooseEngine({
  provider: asked = 'auto',
  threads = availableParallelism(),
  abortSignal,
}: EngineOptions & { readonly abortSignal?: AbortSignal | undefined } = {}): Promise<Engine> {
  checkEngineOptions({ provider: asked, threads });
  if (asked !== 'auto') return startEngine(asked, threads);
  const { provider, isRemembered } = await fastestProvider(threads, { abortSignal });
  try {
    return await startEngine(provider, threads);
  } catch (error) {
    // What an earlier process measured may no longer hold.
    if (!isRemembered) throw error;
    const measured = await fastestProvider(threads, { anew: true, abortSignal });
    return startEngine(measured.provider, threads);
  }
}

async function startEngine(provider: ExecutionProvider, threads: number): Promise<Engine> {
  const missing = missingPart(provider);
  if (missing !== undefined)
    throw new AidError('engine-unavailable', `${provider} cannot run here: ${missing}`);
  const engine = new OnnxRuntimeEngine({ provider, threads });
  const reason = await failureOf(engine);
  if (reason === undefined) return engine;
  await engine.dispose();
  throw new AidError('engine-unavailable', `${provider} does not work here: ${reason}`);
}

/** Why an engine cannot add one and one, undefined when it can. */
export async function failureOf(engine: Engine): Promise<string | undefined> {
  const graph = new Graph('one and one');
  const x = graph.input('x', 'float32', [1]);
  graph.output('y', add(x, x));
  try {
    const session = await engine.load(graph, { weights: noWeights });
    const { tensors } = await session.run({ x: floatTensor([1], Float32Array.of(1)) });
    await session.release();
    return tensors.y?.data[0] === 2 ? undefined : 'it computes wrong numbers';
  } catch (error) {
    return (error as Error).message;
  }
}
