/** The real engine, and how much of it is in use. */
import { onTestFinished } from 'vitest';
import type { Engine, GraphSession } from '#planner/runtime/engine.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';

export interface CountingEngine extends Engine {
  /** Runs so far, by the name of the graph. */
  readonly runs: Readonly<Record<string, number>>;
  /** Graphs loaded and not released. */
  readonly sessions: number;
  /** Tensors kept and not released. */
  readonly residents: number;
}

export function countingEngine(): CountingEngine {
  const engine = new OnnxRuntimeEngine({ provider: 'cpu', threads: 1 });
  onTestFinished(() => engine.dispose());
  const runs: Record<string, number> = {};
  let residents = 0;
  let sessions = 0;
  return {
    description: engine.description,
    runs,
    get sessions() {
      return sessions;
    },
    get residents() {
      return residents;
    },
    async load(graph, options): Promise<GraphSession> {
      const session = await engine.load(graph, options);
      sessions += 1;
      return {
        ...session,
        async release() {
          sessions -= 1;
          await session.release();
        },
        async run(inputs, runOptions) {
          runs[graph.name] = (runs[graph.name] ?? 0) + 1;
          const result = await session.run(inputs, runOptions);
          for (const tensor of Object.values(result.resident)) {
            residents += 1;
            const release = tensor.release.bind(tensor);
            tensor.release = async () => {
              residents -= 1;
              await release();
            };
          }
          return result;
        },
      };
    },
    dispose: () => engine.dispose(),
  };
}
