/** Answers of a state prompter on disk. That one cannot be read or kept is no reason not to go on. */
import { mkdir, readdir, readFile, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../atomic-file.js';
import { AidError } from '../errors.js';
import { readStates } from './state-answer.js';
import type { StateTexts } from './state-prompter.js';

const cachedSchema = z.object({ prompt: z.string(), model: z.string(), states: z.array(z.string()) });
const NAME = /^[0-9a-f]{64}\.json$/;

export class StateCache {
  readonly #folder: string;
  readonly #maxAnswers: number;

  /** The answers used longest ago are deleted while there are more than `maxAnswers`. */
  constructor(folder: string, maxAnswers: number) {
    this.#folder = folder;
    this.#maxAnswers = maxAnswers;
  }

  /** The states kept under a SHA-256, where there are any that would still be taken for an answer. */
  async read(sha256: string, instruction: string): Promise<StateTexts | undefined> {
    const file = this.#file(sha256);
    try {
      const text = await readFile(file, 'utf8');
      cachedSchema.parse(JSON.parse(text));
      const states = readStates(text, instruction);
      const now = new Date();
      await utimes(file, now, now).catch(() => undefined);
      return states;
    } catch {
      // Missing or damaged: it is written anew.
      return undefined;
    }
  }

  async write(
    sha256: string,
    answer: { readonly states: StateTexts; readonly prompt: string; readonly model: string },
  ): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true });
      await writeFileAtomically(this.#file(sha256), async (handle) => {
        await handle.writeFile(`${JSON.stringify(answer)}\n`);
      });
      await this.#trim();
    } catch (error) {
      if (!AidError.isInstance(error) && (error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }

  async #trim(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => NAME.test(name));
    if (names.length <= this.#maxAnswers) return;
    const aged = await Promise.all(
      names.map(async (name) => {
        const file = join(this.#folder, name);
        return {
          file,
          usedMs: await stat(file).then(
            ({ mtimeMs }) => mtimeMs,
            () => 0,
          ),
        };
      }),
    );
    aged.sort((a, b) => a.usedMs - b.usedMs);
    const old = aged.slice(0, names.length - this.#maxAnswers);
    // Another process may have been first.
    await Promise.all(old.map(({ file }) => unlink(file).catch(() => undefined)));
  }

  #file(sha256: string): string {
    return join(this.#folder, `${sha256}.json`);
  }
}
