/** State texts by a multimodal model that looks at the frame, behind any OpenAI-compatible endpoint. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { z } from 'zod';
import { writeFileAtomically } from '../atomic-file.js';
import { AidError, throwIfAborted } from '../errors.js';
import { encodeJpeg, type Frame } from './frame.js';
import { STATE_PROMPT, statePrompt } from './state-prompt-text.js';
import type { StatePrompt, StatePrompter, StateTexts } from './state-prompter.js';
import { TemplateStatePrompter } from './template-state-prompter.js';

export interface MllmStatePrompterOptions {
  /** Such as `http://localhost:11434/v1` of Ollama; vLLM, llama.cpp and others have one as well. */
  readonly baseUrl: string;
  /** The model's name there, such as `llava`. */
  readonly model: string;
  readonly apiKey?: string;
  /** Milliseconds for one answer, 30,000 unless said otherwise. */
  readonly timeoutMs?: number;
  /** Times that it is asked again, after an error as after an answer that is none; 2 unless said otherwise. */
  readonly retries?: number;
  /** Folder of earlier answers, `false` for none; the user's cache folder unless said otherwise. */
  readonly cacheFolder?: string | false;
  /** What to do when there is no answer: the template's states, the default, with the reason told; or the error. */
  readonly fallback?: 'template' | 'error';
}

const MAX_WORDS = 30;
const MAX_LENGTH = 200;
/** Words of any script and what stands between them; no markup, code, links or line breaks. */
const PLAIN = /^[\p{L}\p{M}\p{N} ,.;'’()-]+$/u;
/** Words by which a state can be about a robot without naming what the instruction names. */
const ROBOT = /\b(arm|robot|gripper|hand|claw)\b/i;

/** Anything beside the states is dropped. */
const answerSchema = z.object({ states: z.array(z.string()).length(4) });
const cachedSchema = answerSchema.extend({ prompt: z.string(), model: z.string() });

export class MllmStatePrompter implements StatePrompter {
  readonly name: string;
  readonly #client: OpenAI;
  readonly #options: Required<Pick<MllmStatePrompterOptions, 'model' | 'retries' | 'fallback' | 'baseUrl'>>;
  readonly #cacheFolder: string | false;
  readonly #template = new TemplateStatePrompter();

  constructor({
    baseUrl,
    model,
    apiKey = 'none',
    timeoutMs = 30_000,
    retries = 2,
    cacheFolder = defaultCacheFolder(),
    fallback = 'template',
  }: MllmStatePrompterOptions) {
    if (!URL.canParse(baseUrl))
      throw new AidError('invalid-argument', `baseUrl: expected a URL, got ${baseUrl}`);
    if (!(timeoutMs > 0) || !Number.isInteger(retries) || retries < 0)
      throw new AidError(
        'invalid-argument',
        `state prompter: expected timeoutMs over 0 and retries of at least 0, got ${timeoutMs} and ${retries}`,
      );
    this.name = `${model} ${STATE_PROMPT.version}`;
    // Retries are made here, where an answer that makes no sense is one of the failures.
    this.#client = new OpenAI({
      baseURL: baseUrl,
      apiKey,
      timeout: timeoutMs,
      maxRetries: 0,
      logLevel: 'off',
    });
    this.#options = { baseUrl, model, retries, fallback };
    this.#cacheFolder = cacheFolder;
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
    const { model, retries, fallback } = this.#options;
    const file = this.#cacheFile(frame, instruction);
    const cached = file && (await readCached(file, instruction));
    if (cached) return this.#prompt(cached);
    const picture = `data:image/jpeg;base64,${Buffer.from(await encodeJpeg(frame)).toString('base64')}`;
    let reason = '';
    for (let attempt = 0; attempt <= retries; attempt++) {
      try {
        const states = statesOf(await this.#ask(picture, instruction, reason, abortSignal), instruction);
        if (file) await remember(file, { states, prompt: STATE_PROMPT.version, model });
        return this.#prompt(states);
      } catch (error) {
        throwIfAborted(abortSignal);
        reason = (error as Error).message.split('\n', 1)[0] ?? '';
        if (!isWorthAnother(error)) break;
      }
    }
    const failure = `${model} wrote no states: ${reason}`;
    if (fallback === 'error') throw new AidError('state-prompter-failed', failure);
    const written = await this.#template.states({ instruction, abortSignal });
    return { ...written, fallbackReason: failure };
  }

  async #ask(
    picture: string,
    instruction: string,
    earlierFailure: string,
    abortSignal: AbortSignal | undefined,
  ): Promise<string> {
    const { choices } = await this.#client.chat.completions.create(
      {
        model: this.#options.model,
        temperature: 0,
        max_tokens: 400,
        messages: statePrompt(picture, instruction, earlierFailure),
        response_format: { type: 'json_schema', json_schema: STATE_PROMPT.answer },
      },
      { signal: abortSignal ?? null },
    );
    const content = choices?.[0]?.message?.content;
    if (typeof content !== 'string') throw new WrongAnswer('the answer holds no text');
    return content;
  }

  #prompt(states: StateTexts): StatePrompt {
    const { version, system } = STATE_PROMPT;
    return { states, writtenBy: this.name, prompt: { version, text: system, model: this.#options.model } };
  }

  #cacheFile({ width, height, data }: Frame, instruction: string): string | undefined {
    if (this.#cacheFolder === false) return undefined;
    const { baseUrl, model } = this.#options;
    const asked = JSON.stringify([STATE_PROMPT.version, baseUrl, model, instruction, width, height]);
    return join(this.#cacheFolder, `${createHash('sha256').update(asked).update(data).digest('hex')}.json`);
  }
}

/** An answer that is not four states. */
class WrongAnswer extends Error {}

/** Errors: `WrongAnswer`. What a model writes is data: four short plain sentences about the command, or nothing. */
function statesOf(content: string, instruction: string): StateTexts {
  const text = /\{[\s\S]*\}/.exec(content)?.[0] ?? '';
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new WrongAnswer('the answer is no JSON object');
  }
  const answer = answerSchema.safeParse(json);
  if (!answer.success) throw new WrongAnswer('expected {"states": [...]} with four texts');
  const about = new Set(contentWords(instruction));
  const [start = '', grasp = '', moving = '', done = ''] = answer.data.states.map((each) => each.trim());
  for (const state of [start, grasp, moving, done]) {
    const words = contentWords(state);
    if (
      state === '' ||
      state.length > MAX_LENGTH ||
      state.split(/\s+/).length > MAX_WORDS ||
      !PLAIN.test(state)
    )
      throw new WrongAnswer('expected short plain sentences');
    if (!ROBOT.test(state) && !words.some((word) => about.has(word)))
      throw new WrongAnswer('a state is not about the command');
  }
  return [start, grasp, moving, done];
}

function contentWords(text: string): string[] {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => word.length > 3);
}

/** No other answer comes of a request that was refused. */
function isWorthAnother(error: unknown): boolean {
  if (!(error instanceof OpenAI.APIError) || error.status === undefined) return true;
  return error.status >= 500 || error.status === 408 || error.status === 409 || error.status === 429;
}

async function readCached(file: string, instruction: string): Promise<StateTexts | undefined> {
  try {
    const text = await readFile(file, 'utf8');
    cachedSchema.parse(JSON.parse(text));
    return statesOf(text, instruction);
  } catch {
    // Missing or damaged: it is written anew.
    return undefined;
  }
}

/** That an answer cannot be kept is no reason not to use it. */
async function remember(
  file: string,
  answer: z.infer<typeof cachedSchema> | { states: StateTexts },
): Promise<void> {
  try {
    await mkdir(join(file, '..'), { recursive: true });
    await writeFileAtomically(file, async (handle) => {
      await handle.writeFile(`${JSON.stringify(answer)}\n`);
    });
  } catch (error) {
    if (!AidError.isInstance(error) && (error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

function defaultCacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'aid-planner', 'states');
}
