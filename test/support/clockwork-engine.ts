/**
 * The real engine on a clock that only its runs move on: what it computes is real, how long it takes is given. Runs go
 * one after the other, as they do in it, and time passes in small pieces, so that who waits no longer goes on while a
 * run goes on.
 */
import { onTestFinished, vi } from 'vitest';
import type { Engine, GraphSession } from '#planner/runtime/engine.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';

/** Milliseconds of a run of a graph, by its name and the shape of its first input. */
export type RunTime = (graph: string, rows: number, dims: readonly number[]) => number;

/** Milliseconds that pass at once. */
const PIECE_MS = 10;

export interface ClockworkEngine extends Engine {
  runTime: RunTime;
}

/** From here to the end of the test nothing but the engine moves `performance.now` and `setTimeout`. */
export function clockworkEngine(runTime: RunTime): ClockworkEngine {
  const engine = new OnnxRuntimeEngine({ provider: 'cpu', threads: 1 });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(async () => {
    await last;
    vi.useRealTimers();
    await engine.dispose();
  });
  let last: Promise<unknown> = Promise.resolve();
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= PIECE_MS)
      await vi.advanceTimersByTimeAsync(Math.min(PIECE_MS, left));
  };
  const clockwork: ClockworkEngine = {
    runTime,
    description: engine.description,
    async load(graph, options): Promise<GraphSession> {
      const session = await engine.load(graph, options);
      return {
        ...session,
        run(inputs, runOptions) {
          const run = last.then(async () => {
            const result = await session.run(inputs, runOptions);
            const dims = Object.values(inputs)[0]?.dims ?? [];
            await pass(clockwork.runTime(graph.name, dims[0] ?? 1, dims));
            return result;
          });
          last = run.catch(() => undefined);
          return run;
        },
      };
    },
    dispose: () => engine.dispose(),
  };
  return clockwork;
}
