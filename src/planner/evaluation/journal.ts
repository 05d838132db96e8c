/** What an evaluation has found so far, line by line, so that one that was killed goes on where it stopped. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Lock, takeLock } from '../lock-file.js';

export class Journal<Entry> {
  readonly #path: string;
  readonly #lock: Lock;
  readonly #entries: Map<string, Entry>;
  /** Whether the file ends in half a line. */
  #torn: boolean;

  private constructor(path: string, lock: Lock, text: string) {
    this.#path = path;
    this.#lock = lock;
    this.#entries = entriesOf(text);
    this.#torn = text !== '' && !text.endsWith('\n');
  }

  /** `what` names it in messages. Errors: `io-failed` when another process has it. */
  static async open<Entry>(path: string, what: string): Promise<Journal<Entry>> {
    await mkdir(dirname(path), { recursive: true });
    const lock = await takeLock(`${path}.lock`, what);
    return new Journal(path, lock, existsSync(path) ? readFileSync(path, 'utf8') : '');
  }

  /** Entries that are known. */
  get size(): number {
    return this.#entries.size;
  }

  /** In the order in which they came. */
  get entries(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  known(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  async append(key: string, entry: Entry): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    await appendFile(this.#path, `${this.#torn ? '\n' : ''}${JSON.stringify([key, entry])}\n`);
    this.#torn = false;
    this.#entries.set(key, entry);
  }

  /** The evaluation is over: the next one of its kind measures anew. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** Lets another process go on. */
  async close(): Promise<void> {
    await this.#lock.release();
  }
}

/** Stands for everything that the figures of an evaluation follow from. */
export const fingerprintOfFacts = (facts: unknown): string =>
  createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);

/** A line that was cut short is as good as none. */
function entriesOf<Entry>(text: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const line of text.split('\n')) {
    try {
      const [key, entry] = JSON.parse(line) as [string, Entry];
      entries.set(key, entry);
    } catch {}
  }
  return entries;
}
