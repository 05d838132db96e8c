/** What an evaluation has found so far, scene by scene, so that one that was killed goes on where it stopped. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ClipReport } from '../imagination/events.js';
import { type Lock, takeLock } from '../lock-file.js';
import type { SceneResult } from './scene-result.js';

export interface JournalEntry {
  readonly result: SceneResult;
  readonly warnings: readonly string[];
  /** Of the scene's first clip. */
  readonly report: ClipReport;
}

export class EvaluationJournal {
  readonly #path: string;
  readonly #lock: Lock;
  readonly #entries: ReadonlyMap<number, JournalEntry>;
  /** Whether the file ends in half a line. */
  #torn: boolean;

  private constructor(path: string, lock: Lock, text: string) {
    this.#path = path;
    this.#lock = lock;
    this.#entries = entriesOf(text);
    this.#torn = text !== '' && !text.endsWith('\n');
  }

  /**
   * Opens the journal of one evaluation; `facts` is everything that its figures follow from. Errors: `io-failed`
   * when another process is at the same evaluation.
   */
  static async open(folder: string, facts: unknown): Promise<EvaluationJournal> {
    const name = createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
    const path = join(folder, `${name}.jsonl`);
    await mkdir(folder, { recursive: true });
    const lock = await takeLock(`${path}.lock`, 'this evaluation');
    return new EvaluationJournal(path, lock, existsSync(path) ? readFileSync(path, 'utf8') : '');
  }

  /** Scenes that are known already. */
  get size(): number {
    return this.#entries.size;
  }

  known(seed: number): JournalEntry | undefined {
    return this.#entries.get(seed);
  }

  async append(entry: JournalEntry): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    await appendFile(this.#path, `${this.#torn ? '\n' : ''}${JSON.stringify(entry)}\n`);
    this.#torn = false;
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

/** By the scene's seed; a line that was cut short is as good as none. */
function entriesOf(text: string): Map<number, JournalEntry> {
  const entries = new Map<number, JournalEntry>();
  for (const line of text.split('\n')) {
    try {
      const entry = JSON.parse(line) as JournalEntry;
      entries.set(entry.result.seed, entry);
    } catch {}
  }
  return entries;
}
