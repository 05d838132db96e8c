/** Loaded graphs, kept for as long as there is room and freed together. */
import { throwIfAborted } from '../errors.js';
import type { GraphSession } from '../runtime/engine.js';
import { unlessAborted } from './unless-aborted.js';

interface Entry {
  readonly session: Promise<GraphSession>;
  users: number;
}

export class SessionCache {
  readonly #entries = new Map<string, Entry>();

  /** Sessions that nobody uses are freed, the one used longest ago first, while there are more than `capacity`. */
  constructor(private readonly capacity: number) {}

  /**
   * Lends the session of that key to `work`, loading it if it is not there. Who aborts does not wait for the loading;
   * others may, and find it done. Errors: those of `load` and `work`; `aborted`.
   */
  async use<Result>(
    key: string,
    load: () => Promise<GraphSession>,
    work: (session: GraphSession) => Promise<Result>,
    abortSignal?: AbortSignal,
  ): Promise<Result> {
    throwIfAborted(abortSignal);
    const entry = this.#entries.get(key) ?? this.#begin(key, load());
    // Last in the map is used last.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users += 1;
    try {
      return await work(await unlessAborted(entry.session, abortSignal));
    } finally {
      entry.users -= 1;
      await this.#trim();
    }
  }

  #begin(key: string, session: Promise<GraphSession>): Entry {
    const entry = { session, users: 0 };
    // A graph that could not be loaded is tried again next time.
    session.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    return entry;
  }

  async #trim(): Promise<void> {
    for (const [key, entry] of [...this.#entries]) {
      if (this.#entries.size <= this.capacity) return;
      // Others may have come to use it while one before it was released.
      if (entry.users > 0 || this.#entries.get(key) !== entry) continue;
      this.#entries.delete(key);
      // What cannot be loaded or released is no failure of the work that is done.
      await entry.session.then((loaded) => loaded.release()).catch(() => undefined);
    }
  }
}
