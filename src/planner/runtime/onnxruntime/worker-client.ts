/** Requests to the worker as promises. */
import { Worker } from 'node:worker_threads';
import { AidError, abortedError, throwIfAborted } from '../../errors.js';
import type { Reply, WorkerRequest } from './messages.js';

interface Waiting {
  readonly request: WorkerRequest;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerClient {
  readonly #worker: Worker;
  /** In order. The thread has one at a time, so that what is aborted meanwhile is never begun. */
  readonly #queue: Waiting[] = [];
  #running: Waiting | undefined;
  readonly #onIdle: (() => void)[] = [];
  #ended: AidError | undefined;

  constructor(script = new URL('./worker.js', import.meta.url)) {
    // onnxruntime would report to its makers, and crashes while it reads a long command line for that.
    process.env.ORT_DISABLE_TELEMETRY ??= '1';
    // Flags of the program are its own: with --input-type, of a program in the command line, the thread would not start.
    this.#worker = new Worker(script, { execArgv: [] });
    // An idle engine does not keep the process alive.
    this.#worker.unref();
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (cause) =>
      this.#gone(new AidError('engine-failed', `the engine's thread failed: ${cause.message}`, { cause })),
    );
    this.#worker.on('exit', (status) =>
      this.#gone(new AidError('engine-failed', `the engine's thread ended with status ${status}`)),
    );
  }

  /** Has one request answered; the signal takes back one that was not begun. Errors: `engine-failed`, `aborted`. */
  async request<Answer>(request: WorkerRequest, abortSignal?: AbortSignal): Promise<Answer> {
    if (this.#ended !== undefined) throw this.#ended;
    throwIfAborted(abortSignal);
    let takeBack = (): void => undefined;
    const answer = new Promise<unknown>((resolve, reject) => {
      const waiting = { request, resolve, reject };
      this.#queue.push(waiting);
      takeBack = () => {
        const place = this.#queue.indexOf(waiting);
        if (place < 0) return;
        this.#queue.splice(place, 1);
        reject(abortedError(abortSignal as AbortSignal));
      };
    });
    abortSignal?.addEventListener('abort', takeBack, { once: true });
    this.#begin();
    try {
      return (await answer) as Answer;
    } finally {
      abortSignal?.removeEventListener('abort', takeBack);
    }
  }

  /**
   * Ends the thread; requests that are not answered yet fail at once. A run under way is waited for: onnxruntime takes
   * the whole process down when its thread goes in the middle of one.
   */
  async terminate(): Promise<void> {
    this.#end(new AidError('engine-failed', 'the engine was disposed'));
    if (this.#running !== undefined) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    await this.#worker.terminate();
  }

  #begin(): void {
    if (this.#running !== undefined) return;
    this.#running = this.#queue.shift();
    if (this.#running === undefined) {
      this.#worker.unref();
      this.#idle();
      return;
    }
    this.#worker.ref();
    this.#worker.postMessage(this.#running.request);
  }

  #settle(reply: Reply): void {
    const answered = this.#running;
    this.#running = undefined;
    if (reply.ok) answered?.resolve(reply.reply);
    else answered?.reject(new AidError('engine-failed', reply.message));
    this.#begin();
  }

  /** Nothing is answered any more. */
  #end(error: AidError): void {
    this.#ended ??= error;
    for (const { reject } of this.#queue.splice(0)) reject(this.#ended);
    this.#running?.reject(this.#ended);
  }

  #gone(error: AidError): void {
    this.#end(error);
    this.#running = undefined;
    this.#idle();
  }

  #idle(): void {
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
