/** Starts the small inference server, and tells it how to behave. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

export interface Behaviour {
  readonly kind: 'well' | 'slow' | 'busy' | 'broken' | 'short' | 'die' | 'other';
  /** Runs that it holds for; all unless said otherwise. */
  readonly runs?: number;
}

export interface InferenceServer {
  readonly url: string;
  readonly port: number;
  /** Resolves to the number of runs seen so far. */
  behave(behaviour: Behaviour): Promise<number>;
  kill(): Promise<void>;
}

export async function inferenceServer(repository: string, port = 0): Promise<InferenceServer> {
  const server = spawn(process.execPath, ['test/support/inference-server.mjs', repository, `${port}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => server.on('exit', () => resolve()));
  server.stdin.on('error', () => undefined);
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const read = async (): Promise<Record<string, number>> => JSON.parse((await lines.next()).value as string);
  const kill = async (): Promise<void> => {
    server.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  const { port: bound = 0 } = await read();
  return {
    url: `grpc://127.0.0.1:${bound}`,
    port: bound,
    kill,
    behave: async (behaviour) => {
      server.stdin.write(`${JSON.stringify(behaviour)}\n`);
      return (await read()).seen ?? 0;
    },
  };
}
