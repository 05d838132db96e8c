/** Ctrl-C, and what a service manager sends, as an AbortSignal. */

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Does `work` with a signal that the first Ctrl-C aborts. A second one ends the process on the spot. */
export async function interruptible<Result>(
  work: (abortSignal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const stopListening = (): void => {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  };
  const interrupt = (signal: NodeJS.Signals): void => {
    stopListening();
    controller.abort(new Error(`stopped by ${signal}`));
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await work(controller.signal);
  } finally {
    stopListening();
  }
}
