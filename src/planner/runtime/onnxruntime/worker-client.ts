/** Requests to the worker as promises. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { AidError } from '../../errors.js';
import type { ReplyEnvelope, RequestEnvelope, WorkerRequest } from './messages.js';

/** Of one that is worth waiting for. */
const LONGEST_RUN_MS = 60_000;

interface Pending {
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerClient {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  /** Not 0 once the thread is to answer nothing more. */
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  #nextId = 0;
  #unanswered = 0;
  #onIdle: () => void = () => undefined;
  #ended: AidError | undefined;

  constructor(script = new URL('./worker.js', import.meta.url)) {
    // onnxruntime would report to its makers, and crashes while it reads a long command line for that.
    process.env.ORT_DISABLE_TELEMETRY ??= '1';
    this.#worker = new Worker(script, { workerData: { stop: this.#stop } });
    // An idle engine does not keep the process alive.
    this.#worker.unref();
    this.#worker.on('message', (envelope: ReplyEnvelope) => this.#settle(envelope));
    this.#worker.on('error', (cause) =>
      this.#end(
        new AidError('engine-failed', `the engine's thread failed: ${cause.message}`, { cause }),
        true,
      ),
    );
    this.#worker.on('exit', (status) =>
      this.#end(new AidError('engine-failed', `the engine's thread ended with status ${status}`), true),
    );
  }

  /** Sends one request; the buffers in `transfer` move to the worker. */
  request<Reply>(request: WorkerRequest, transfer: readonly ArrayBuffer[] = []): Promise<Reply> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const envelope: RequestEnvelope = { id: this.#nextId++, request };
    return new Promise<Reply>((resolve, reject) => {
      this.#pending.set(envelope.id, { resolve: resolve as (reply: unknown) => void, reject });
      this.#unanswered += 1;
      this.#worker.ref();
      this.#worker.postMessage(envelope, transfer);
    });
  }

  /**
   * Ends the thread; requests that are not answered yet fail at once. A run under way is waited for: onnxruntime takes
   * the whole process down when its thread goes in the middle of one.
   */
  async terminate(): Promise<void> {
    this.#end(new AidError('engine-failed', 'the engine was disposed'));
    Atomics.store(this.#stop, 0, 1);
    if (this.#unanswered > 0) {
      this.#worker.ref();
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      await Promise.race([idle, sleep(LONGEST_RUN_MS, undefined, { ref: false })]);
    }
    await this.#worker.terminate();
  }

  #settle(envelope: ReplyEnvelope): void {
    const pending = this.#pending.get(envelope.id);
    this.#pending.delete(envelope.id);
    this.#unanswered -= 1;
    if (this.#unanswered === 0) {
      this.#worker.unref();
      this.#onIdle();
    }
    if (envelope.ok) pending?.resolve(envelope.reply);
    else pending?.reject(new AidError('engine-failed', envelope.message));
  }

  #end(error: AidError, hasExited = false): void {
    this.#ended ??= error;
    if (hasExited) {
      this.#unanswered = 0;
      this.#onIdle();
    }
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}
