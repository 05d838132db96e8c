/** The real engine on a clock that only its runs move on: what it computes is real, how long it takes is given. */
import { onTestFinished, vi } from 'vitest';
import type { Engine, GraphSession } from '#planner/runtime/engine.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';

/** Milliseconds of a run of a graph, by its name and the shape of its first input. */
export type RunTime = (graph: string, rows: number, dims: readonly number[]) => number;

export interface ClockworkEngine extends Engine {
  runTime: RunTime;
}

/** From here to the end of the test nothing but the engine moves `performance.now` and `setTimeout`. */
export function clockworkEngine(runTime: RunTime): ClockworkEngine {
  const engine = new OnnxRuntimeEngine({ provider: 'cpu', threads: 1 });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(async () => {
    vi.useRealTimers();
    await engine.dispose();
  });
  const clockwork: ClockworkEngine = {
    runTime,
    description: engine.description,
    async load(graph, options): Promise<GraphSession> {
      const session = await engine.load(graph, options);
      return {
        ...session,
        async run(inputs, runOptions) {
          const result = await session.run(inputs, runOptions);
          const dims = Object.values(inputs)[0]?.dims ?? [];
          vi.advanceTimersByTime(clockwork.runTime(graph.name, dims[0] ?? 1, dims));
          return result;
        },
      };
    },
    dispose: () => engine.dispose(),
  };
  return clockwork;
}
