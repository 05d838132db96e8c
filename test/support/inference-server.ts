/** Starts the small inference server, and tells it how to behave. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

export interface Behaviour {
  /**
   * `slow` never answers a run, `deaf` nothing at all; `together` computes runs that come within 30 ms as one; `other`
   * has a model that takes something else, and `more` answers with every row twice.
   */
  readonly kind:
    | 'well'
    | 'together'
    | 'slow'
    | 'deaf'
    | 'busy'
    | 'broken'
    | 'short'
    | 'more'
    | 'die'
    | 'other';
  /** Runs that it holds for; all unless said otherwise. */
  readonly runs?: number;
}

export interface Counts {
  /** Runs that were asked for. */
  readonly seen: number;
  /** Calls that were given up by whoever asked. */
  readonly cancelled: number;
  /** The most runs that were computed as one. */
  readonly together: number;
}

export interface InferenceServer {
  readonly url: string;
  readonly port: number;
  /** Resolves to the counts so far. */
  behave(behaviour: Behaviour): Promise<Counts>;
  kill(): Promise<void>;
}

export async function inferenceServer(repository: string, port = 0): Promise<InferenceServer> {
  const server = spawn(process.execPath, ['test/support/inference-server.mjs', repository, `${port}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => server.on('exit', () => resolve()));
  server.stdin.on('error', () => undefined);
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const read = async <Line>(): Promise<Line> => JSON.parse((await lines.next()).value as string);
  const kill = async (): Promise<void> => {
    server.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  const { port: bound } = await read<{ port: number }>();
  return {
    url: `grpc://127.0.0.1:${bound}`,
    port: bound,
    kill,
    behave: async (behaviour) => {
      server.stdin.write(`${JSON.stringify(behaviour)}\n`);
      return read<Counts>();
    },
  };
}
