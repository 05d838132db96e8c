/** Calls of an inference server: with a time limit, typed errors, and retries where they are safe. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChannelOptions, Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { AidError, type AidErrorCode, throwIfAborted } from '../../errors.js';
import {
  decodeMessage,
  encodeMessage,
  type ModelInferRequest,
  type ModelInferResponse,
  type ModelMetadataRequest,
  type ModelMetadataResponse,
} from './messages.js';

export interface ServerOptions {
  /** `grpc://host:port`, or `grpcs://host:port` for TLS. */
  readonly url: string;
  /** Milliseconds that one run may take with all its retries, 60,000 unless said otherwise. */
  readonly timeoutMs?: number;
  /** Times that a run is asked for again when the server was not there or too busy, 3 unless said otherwise. */
  readonly retries?: number;
}

const SERVICE = '/inference.GRPCInferenceService';
const channelOptions = (timeoutMs: number): ChannelOptions => ({
  // Tensors are larger than messages usually are.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // A server that is gone without a word is noticed; one that is asked more than three times within a run takes it for
  // an attack and hangs up.
  'grpc.keepalive_time_ms': Math.max(10_000, Math.ceil(timeoutMs / 3)),
  'grpc.keepalive_timeout_ms': 5000,
});
const FIRST_PAUSE_MS = 100;

export class InferenceClient {
  readonly address: string;
  readonly #client: Client;
  readonly #timeoutMs: number;
  readonly #retries: number;
  #isClosed = false;
  readonly #calls = new Set<{ cancel(): void }>();

  /** Errors: `invalid-argument`. Nothing is connected before the first call. */
  constructor({ url, timeoutMs = 60_000, retries = 3 }: ServerOptions) {
    const match = /^(grpcs?):\/\/([^/]+:\d+)\/?$/.exec(url);
    if (match === null)
      throw new AidError(
        'invalid-argument',
        `server: expected grpc://host:port or grpcs://host:port, got ${url}`,
      );
    if (!(timeoutMs > 0) || !Number.isInteger(retries) || retries < 0)
      throw new AidError(
        'invalid-argument',
        `server: expected timeoutMs over 0 and retries of at least 0, got ${timeoutMs} and ${retries}`,
      );
    this.address = match[2] as string;
    this.#timeoutMs = timeoutMs;
    this.#retries = retries;
    const secure = match[1] === 'grpcs' ? credentials.createSsl() : credentials.createInsecure();
    this.#client = new Client(this.address, secure, channelOptions(timeoutMs));
  }

  /** Errors: those of `infer`. */
  modelMetadata(request: ModelMetadataRequest): Promise<ModelMetadataResponse> {
    return this.#call(
      request.name,
      'ModelMetadata',
      'ModelMetadataRequest',
      'ModelMetadataResponse',
      request,
    );
  }

  /**
   * A run of a model gives the same whenever it is run, so that asking again is safe; it is done where the server
   * was not there or refused for lack of room, and not where it was too slow, as it may still be at work.
   * Errors: `engine-unavailable` (no server, no such model or version), `engine-overloaded`, `engine-timeout`,
   * `engine-failed`, `aborted`.
   */
  infer(request: ModelInferRequest, abortSignal?: AbortSignal): Promise<ModelInferResponse> {
    return this.#call(
      request.model_name,
      'ModelInfer',
      'ModelInferRequest',
      'ModelInferResponse',
      request,
      abortSignal,
    );
  }

  /** Calls under way end with an error. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#calls) call.cancel();
    this.#client.close();
  }

  async #call<
    Asked extends 'ModelMetadataRequest' | 'ModelInferRequest',
    Given extends 'ModelMetadataResponse' | 'ModelInferResponse',
  >(
    model: string,
    method: string,
    asked: Asked,
    given: Given,
    request: Parameters<typeof encodeMessage<Asked>>[1],
    abortSignal?: AbortSignal,
  ): Promise<ReturnType<typeof decodeMessage<Given>>> {
    const deadline = performance.now() + this.#timeoutMs;
    for (let attempt = 0; ; attempt++) {
      throwIfAborted(abortSignal);
      try {
        return await this.#once(method, asked, given, request, deadline, abortSignal);
      } catch (error) {
        throwIfAborted(abortSignal);
        const failure = this.#errorOf(error as ServiceError, model);
        const pauseMs = FIRST_PAUSE_MS * 2 ** attempt * (0.5 + Math.random());
        const isWorthAnother = isRetried(error as ServiceError) && attempt < this.#retries && !this.#isClosed;
        if (!isWorthAnother || performance.now() + pauseMs >= deadline) throw failure;
        // An abort is told of at the head of the loop.
        await sleep(pauseMs, undefined, { signal: abortSignal }).catch(() => undefined);
      }
    }
  }

  #once<
    Asked extends 'ModelMetadataRequest' | 'ModelInferRequest',
    Given extends 'ModelMetadataResponse' | 'ModelInferResponse',
  >(
    method: string,
    asked: Asked,
    given: Given,
    request: Parameters<typeof encodeMessage<Asked>>[1],
    deadline: number,
    abortSignal: AbortSignal | undefined,
  ): Promise<ReturnType<typeof decodeMessage<Given>>> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(Object.assign(new Error('the engine was disposed'), { code: status.CANCELLED }));
        return;
      }
      const call = this.#client.makeUnaryRequest(
        `${SERVICE}/${method}`,
        (message: Parameters<typeof encodeMessage<Asked>>[1]) => encodeMessage(asked, message),
        (bytes: Buffer) => decodeMessage(given, bytes),
        request,
        new Metadata(),
        { deadline: Date.now() + Math.max(1, deadline - performance.now()) },
        (error, response) => {
          this.#calls.delete(call);
          abortSignal?.removeEventListener('abort', cancel);
          if (error !== null) reject(error);
          else resolve(response as ReturnType<typeof decodeMessage<Given>>);
        },
      );
      const cancel = (): void => call.cancel();
      abortSignal?.addEventListener('abort', cancel, { once: true });
      this.#calls.add(call);
    });
  }

  #errorOf(error: ServiceError, model: string): AidError {
    const { code, details = error.message } = error;
    const say = (aidCode: AidErrorCode, what: string): AidError =>
      new AidError(aidCode, `${this.address}: ${what}`, { cause: error });
    if (this.#isClosed) return say('engine-failed', 'the engine was disposed');
    if (isOverload(code, details)) return say('engine-overloaded', `too busy for ${model}: ${details}`);
    switch (code) {
      case status.UNAVAILABLE:
        return say('engine-unavailable', `no answer from a server: ${details}`);
      case status.DEADLINE_EXCEEDED:
        return say('engine-timeout', `${model} did not answer within ${this.#timeoutMs} ms`);
      case status.NOT_FOUND:
      case status.UNIMPLEMENTED:
        return say('engine-unavailable', `does not serve ${model}: ${details}`);
      default:
        return say('engine-failed', `${model}: ${status[code] ?? code}: ${details}`);
    }
  }
}

/** A message over a server's limit is as large the next time. */
const TOO_LARGE = /larger than max/i;

function isRetried({ code, details }: ServiceError): boolean {
  return code === status.UNAVAILABLE || (code === status.RESOURCE_EXHAUSTED && !TOO_LARGE.test(details));
}

/** Triton says that a queue is full with the code of a server that is not there. */
function isOverload(code: number, details: string): boolean {
  if (code === status.RESOURCE_EXHAUSTED) return !TOO_LARGE.test(details);
  return code === status.UNAVAILABLE && /queue/i.test(details);
}
