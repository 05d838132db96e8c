#!/usr/bin/env node
/** The executable of the node. */
import { AidError, messageOf } from '../planner/errors.js';

const INTERRUPTED = 130;
/** A terminal and a launch file may both pass on one and the same Ctrl-C. */
const ONE_SIGNAL_MS = 1000;

async function main(): Promise<void> {
  let stop = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let firstMs = Number.POSITIVE_INFINITY;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (performance.now() > firstMs + ONE_SIGNAL_MS) process.exit(INTERRUPTED);
      firstMs = Math.min(firstMs, performance.now());
      stop();
    });
  }
  process.on('unhandledRejection', (error) => {
    process.stderr.write(`aid_planner: ${error instanceof Error ? error.stack : String(error)}\n`);
  });
  const { runNode } = await import('./run-node.js');
  const node = await runNode(process.argv.slice(2));
  await asked;
  await node.shutdown();
}

function fail(error: unknown): void {
  const known = AidError.isInstance(error) || process.env.AID_DEBUG === undefined;
  const message = messageOf(error);
  process.stderr.write(`aid_planner: ${known ? message : (error as Error).stack}\n`);
  process.exit(1);
}

await main().catch(fail);
// Threads of the engine and of the middleware are gone by now; nothing that remains is worth waiting for.
process.exit();
