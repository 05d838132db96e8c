/** State texts by a multimodal model that looks at the frame, behind any OpenAI-compatible endpoint. */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import OpenAI from 'openai';
import { userCacheFolder } from '../cache-folder.js';
import { AidError, messageOf, throwIfAborted } from '../errors.js';
import { encodeJpeg, type Frame } from './frame.js';
import { readStates, WrongAnswer } from './state-answer.js';
import { StateCache } from './state-cache.js';
import { STATE_PROMPT, statePrompt } from './state-prompt-text.js';
import type { StatePrompt, StatePrompter, StateTexts } from './state-prompter.js';
import { TemplateStatePrompter } from './template-state-prompter.js';

export interface MllmStatePrompterOptions {
  /** Such as `http://localhost:11434/v1` of Ollama; vLLM, llama.cpp and others have one as well. */
  readonly baseUrl: string;
  /** The model's name there, such as `llava`. */
  readonly model: string;
  /** Nothing else that identifies its user goes to the endpoint, whatever the environment holds. */
  readonly apiKey?: string;
  /** Milliseconds for one answer, 30,000 unless said otherwise and 300,000 at most. */
  readonly timeoutMs?: number;
  /** Times that it is asked again, after an error as after an answer that is none; 2 unless said otherwise. */
  readonly retries?: number;
  /**
   * Milliseconds before it is asked again after an error of the server or of the way there, doubled each time; 500
   * unless said otherwise. What the server itself says in Retry-After counts more.
   */
  readonly retryPauseMs?: number;
  /** Folder of earlier answers, `false` for none; the user's cache folder unless said otherwise. */
  readonly cacheFolder?: string | false;
  /** Answers kept there, 1,000 unless said otherwise: of more, those used longest ago are deleted. */
  readonly maxCachedAnswers?: number;
  /** What to do when there is no answer: the template's states, the default, with the reason told; or the error. */
  readonly fallback?: 'template' | 'error';
}

/** A server that asks for a longer pause is not asked again. */
const LONGEST_PAUSE_MS = 60_000;
/** Characters of what a server says went wrong. */
const LONGEST_REASON = 200;
/** Of a response; four states are a few hundred. */
const LONGEST_RESPONSE_BYTES = 1_000_000;
/** After which the client of node gives up by itself. */
const LONGEST_TIMEOUT_MS = 300_000;

export class MllmStatePrompter implements StatePrompter {
  readonly name: string;
  readonly #client: OpenAI;
  readonly #options: Required<
    Pick<
      MllmStatePrompterOptions,
      'baseUrl' | 'model' | 'timeoutMs' | 'retries' | 'retryPauseMs' | 'fallback'
    >
  >;
  readonly #cache: StateCache | undefined;
  readonly #template = new TemplateStatePrompter();

  /** Errors: `invalid-argument`. */
  constructor({
    baseUrl,
    model,
    apiKey,
    timeoutMs = 30_000,
    retries = 2,
    retryPauseMs = 500,
    cacheFolder = userCacheFolder('states'),
    maxCachedAnswers = 1000,
    fallback = 'template',
  }: MllmStatePrompterOptions) {
    const refuse: (what: string, expected: string, given: unknown) => never = (what, expected, given) => {
      throw new AidError('invalid-argument', `state prompter: ${what}: expected ${expected}, got ${given}`);
    };
    const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) refuse('baseUrl', 'an http(s) URL', baseUrl);
    const { username, password } = url;
    if (username !== '' || password !== '')
      refuse('baseUrl', 'an http(s) URL without a password', 'one with it');
    const headers = headersOf(apiKey) ?? refuse('apiKey', 'what fits into a header', 'something else');
    if (!(timeoutMs >= 1 && timeoutMs <= LONGEST_TIMEOUT_MS))
      refuse('timeoutMs', `1 to ${LONGEST_TIMEOUT_MS}`, timeoutMs);
    if (!Number.isInteger(retries) || retries < 0) refuse('retries', 'a whole number of at least 0', retries);
    if (!(retryPauseMs >= 0 && retryPauseMs <= LONGEST_PAUSE_MS))
      refuse('retryPauseMs', `0 to ${LONGEST_PAUSE_MS}`, retryPauseMs);
    if (!Number.isInteger(maxCachedAnswers) || maxCachedAnswers < 1)
      refuse('maxCachedAnswers', 'a whole number of at least 1', maxCachedAnswers);
    this.name = `${model} ${STATE_PROMPT.version}`;
    this.#client = clientOf(baseUrl, headers);
    this.#options = { baseUrl, model, timeoutMs: Math.ceil(timeoutMs), retries, retryPauseMs, fallback };
    this.#cache = cacheFolder === false ? undefined : new StateCache(cacheFolder, maxCachedAnswers);
  }

  /** Errors: `aborted`; `state-prompter-failed`, with `fallback: 'error'` only. */
  async states({
    frame,
    instruction,
    abortSignal,
  }: {
    readonly frame: Frame;
    readonly instruction: string;
    readonly abortSignal?: AbortSignal | undefined;
  }): Promise<StatePrompt> {
    throwIfAborted(abortSignal);
    const { model, retries, retryPauseMs, fallback } = this.#options;
    const key = this.#keyOf(frame, instruction);
    const cached = await this.#cache?.read(key, instruction);
    if (cached !== undefined) return this.#prompt(cached);
    const picture = `data:image/jpeg;base64,${Buffer.from(await encodeJpeg(frame)).toString('base64')}`;
    let [failure, wrongAnswer] = ['', ''];
    for (let attempt = 0; attempt <= retries; attempt++) {
      try {
        const states = readStates(
          await this.#ask(picture, instruction, wrongAnswer, abortSignal),
          instruction,
        );
        await this.#cache?.write(key, { states, prompt: STATE_PROMPT.version, model });
        return this.#prompt(states);
      } catch (error) {
        throwIfAborted(abortSignal);
        failure = reasonOf(error).split('\n', 1)[0]?.slice(0, LONGEST_REASON) ?? '';
        // Of what a server had no model has to hear.
        if (error instanceof WrongAnswer) {
          wrongAnswer = failure;
          continue;
        }
        const pauseMs = pauseAfter(error, Math.min(LONGEST_PAUSE_MS, retryPauseMs * 2 ** attempt));
        if (!isWorthAnother(error) || pauseMs > LONGEST_PAUSE_MS) break;
        if (attempt < retries)
          await pause(pauseMs, undefined, { signal: abortSignal }).catch(() => undefined);
        throwIfAborted(abortSignal);
      }
    }
    const reason = `${model} wrote no states: ${failure}`;
    if (fallback === 'error') throw new AidError('state-prompter-failed', reason);
    const written = await this.#template.states({ instruction, abortSignal });
    return { ...written, fallbackReason: reason };
  }

  async #ask(
    picture: string,
    instruction: string,
    wrongAnswer: string,
    abortSignal: AbortSignal | undefined,
  ): Promise<string> {
    const { model, timeoutMs } = this.#options;
    // To the last byte of the answer: the client's own limit ends with the first.
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const completion: OpenAI.ChatCompletion | null = await this.#client.chat.completions.create(
        {
          model,
          temperature: 0,
          max_tokens: 400,
          messages: statePrompt(picture, instruction, wrongAnswer),
          response_format: { type: 'json_schema', json_schema: STATE_PROMPT.answer },
        },
        { signal: abortSignal === undefined ? timeout : AbortSignal.any([abortSignal, timeout]) },
      );
      const content = completion?.choices?.[0]?.message?.content;
      if (typeof content !== 'string') throw new WrongAnswer('expected text');
      return content;
    } catch (error) {
      if (timeout.aborted) throw new Error(`timed out after ${timeoutMs} ms`, { cause: error });
      throw error;
    }
  }

  #prompt(states: StateTexts): StatePrompt {
    const { version, system } = STATE_PROMPT;
    return { states, writtenBy: this.name, prompt: { version, text: system, model: this.#options.model } };
  }

  /** SHA-256 of all that an answer follows from. */
  #keyOf({ width, height, data }: Frame, instruction: string): string {
    const { baseUrl, model } = this.#options;
    const asked = JSON.stringify([STATE_PROMPT.version, baseUrl, model, instruction, width, height]);
    return createHash('sha256').update(asked).update(data).digest('hex');
  }
}

/** A client that sends what is given here, and nothing of the environment: no organization, project or header of it. */
function clientOf(baseUrl: string, headers: Headers): OpenAI {
  return new OpenAI({
    baseURL: baseUrl,
    // It is in the headers, where there is one.
    apiKey: 'none',
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    fetch: async (url, init) => bounded(await fetch(url, { ...init, headers })),
    timeout: LONGEST_TIMEOUT_MS,
    // Retries are made here, where an answer that makes no sense is one of the failures.
    maxRetries: 0,
    logLevel: 'off',
  });
}

/** Undefined for a key that does not fit: an error of the client of node would repeat it. */
function headersOf(apiKey: string | undefined): Headers | undefined {
  const headers = new Headers({ accept: 'application/json', 'content-type': 'application/json' });
  try {
    if (apiKey !== undefined) headers.set('authorization', `Bearer ${apiKey}`);
    return headers;
  } catch {
    return undefined;
  }
}

/** The response with its body, which is read here. Errors: where that is too long. */
async function bounded(response: Response): Promise<Response> {
  if (response.body === null) return response;
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body) {
    size += part.length;
    if (size > LONGEST_RESPONSE_BYTES)
      throw new Error(`expected at most ${LONGEST_RESPONSE_BYTES} bytes, got more`);
    parts.push(part);
  }
  return new Response(Buffer.concat(parts), response);
}

/** What went wrong; on the way to the server what is underneath, as the client only says that something did. */
function reasonOf(error: unknown): string {
  if (!(error instanceof OpenAI.APIConnectionError)) return messageOf(error);
  let reason: Error & { readonly code?: unknown } = error;
  while (reason.cause instanceof Error) reason = reason.cause;
  // Of several addresses that were tried there is the code alone.
  return reason.message === '' ? String(reason.code) : reason.message;
}

/** No other answer comes of a request that was refused. */
function isWorthAnother(error: unknown): boolean {
  if (!(error instanceof OpenAI.APIError) || error.status === undefined) return true;
  return error.status >= 500 || error.status === 408 || error.status === 409 || error.status === 429;
}

/** Milliseconds, as the server asks for, in seconds or by a date, or else so many. */
function pauseAfter(error: unknown, otherwiseMs: number): number {
  const asked = error instanceof OpenAI.APIError ? error.headers?.get('retry-after') : undefined;
  if (asked === null || asked === undefined || asked === '') return otherwiseMs;
  const ms = /^\d+(\.\d+)?$/.test(asked) ? 1000 * Number(asked) : Date.parse(asked) - Date.now();
  return Number.isNaN(ms) ? otherwiseMs : Math.max(0, ms);
}
