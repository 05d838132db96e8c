/** Loaded graphs, kept for as long as there is room and freed together. */
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
    const idle = [...this.#entries].filter(([, { users }]) => users === 0);
    for (const [key, { session }] of idle) {
      if (this.#entries.size <= this.capacity) return;
      this.#entries.delete(key);
      await session.then(
        (loaded) => loaded.release(),
        () => undefined,
      );
    }
  }
}
