/** Requests to the worker as promises. */
import { Worker } from 'node:worker_threads';
import { AidError } from '../../errors.js';
import type { ReplyEnvelope, RequestEnvelope, WorkerRequest } from './messages.js';

interface Pending {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 0;
  #ended: AidError | undefined;

  constructor(script = new URL('./worker.js', import.meta.url)) {
    // onnxruntime would report to its makers, and crashes while it reads a long command line for that.
    process.env.ORT_DISABLE_TELEMETRY ??= '1';
    this.#worker = new Worker(script);
    // An idle engine does not keep the process alive.
    this.#worker.unref();
    this.#worker.on('message', (envelope: ReplyEnvelope) => this.#settle(envelope));
    this.#worker.on('error', (cause) =>
      this.#end(new AidError('engine-failed', `the engine's thread failed: ${cause.message}`, { cause })),
    );
    this.#worker.on('exit', (status) =>
      this.#end(new AidError('engine-failed', `the engine's thread ended with status ${status}`)),
    );
  }

  /** Sends one request; the buffers in `transfer` move to the worker. */
  request<Reply>(request: WorkerRequest, transfer: readonly ArrayBuffer[] = []): Promise<Reply> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const envelope: RequestEnvelope = { id: this.#nextId++, request };
    return new Promise<Reply>((resolve, reject) => {
      this.#pending.set(envelope.id, { resolve: resolve as (reply: unknown) => void, reject });
      this.#worker.ref();
      this.#worker.postMessage(envelope, transfer);
    });
  }

  /** Ends the thread, at once; requests that are not answered yet fail. */
  async terminate(): Promise<void> {
    this.#end(new AidError('engine-failed', 'the engine was disposed'));
    await this.#worker.terminate();
  }

  #settle(envelope: ReplyEnvelope): void {
    const pending = this.#pending.get(envelope.id);
    this.#pending.delete(envelope.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if (envelope.ok) pending?.resolve(envelope.reply);
    else pending?.reject(new AidError('engine-failed', envelope.message));
  }

  #end(error: AidError): void {
    this.#ended ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}
