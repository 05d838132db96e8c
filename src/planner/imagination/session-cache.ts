/** Loaded graphs, kept for as long as there is room and freed together. */
import type { GraphSession } from '../runtime/engine.js';

interface Entry {
  readonly session: Promise<GraphSession>;
  users: number;
}

export class SessionCache {
  readonly #entries = new Map<string, Entry>();

  /** Sessions that nobody uses are freed, the one used longest ago first, while there are more than `capacity`. */
  constructor(private readonly capacity: number) {}

  /** Lends the session of that key to `work`, loading it if it is not there. */
  async use<Result>(
    key: string,
    load: () => Promise<GraphSession>,
    work: (session: GraphSession) => Promise<Result>,
  ): Promise<Result> {
    const entry = this.#entries.get(key) ?? { session: load(), users: 0 };
    // Last in the map is used last.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users += 1;
    try {
      return await work(await entry.session);
    } catch (error) {
      // A graph that could not be loaded is tried again next time.
      if (await failed(entry.session)) this.#entries.delete(key);
      throw error;
    } finally {
      entry.users -= 1;
      await this.#trim();
    }
  }

  async #trim(): Promise<void> {
    const idle = [...this.#entries].filter(([, { users }]) => users === 0);
    for (const [key, { session }] of idle) {
      if (this.#entries.size <= this.capacity) return;
      this.#entries.delete(key);
      await (await session).release();
    }
  }
}

async function failed(session: Promise<GraphSession>): Promise<boolean> {
  return session.then(
    () => false,
    () => true,
  );
}
