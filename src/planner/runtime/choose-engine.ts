/** Chooses what runs the graphs. */
import { AidError } from '../errors.js';
import { Graph } from '../onnx/graph.js';
import { add } from '../onnx/ops/elementwise.js';
import type { Engine, ExecutionProvider } from './engine.js';
import { OnnxRuntimeEngine } from './onnxruntime/onnxruntime-engine.js';
import { floatTensor } from './tensor.js';
import { noWeights } from './weight-source.js';

export type ChosenProvider = ExecutionProvider | 'auto';

/** Fastest first. TensorRT compiles for minutes, so it is only taken when asked for. */
const AUTOMATIC: readonly ExecutionProvider[] = ['cuda', 'webgpu', 'cpu'];

export interface EngineOptions {
  readonly provider?: ChosenProvider;
  readonly threads?: number;
}

/** An engine that has run a small graph. Errors: `engine-unavailable`. */
export async function chooseEngine({ provider = 'auto', threads }: EngineOptions = {}): Promise<Engine> {
  const reasons: string[] = [];
  for (const candidate of provider === 'auto' ? AUTOMATIC : [provider]) {
    const engine = new OnnxRuntimeEngine({
      provider: candidate,
      ...(threads === undefined ? {} : { threads }),
    });
    const reason = await failureOf(engine);
    if (reason === undefined) return engine;
    await engine.dispose();
    reasons.push(`${candidate}: ${reason}`);
  }
  throw new AidError('engine-unavailable', `no engine works here: ${reasons.join('; ')}`);
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
