/** Something that is counted for ever, and judged by the last minute. */

/** Milliseconds. */
const RECENT_MS = 60_000;

export class RecentCount {
  #total = 0;
  #recent: { readonly count: number; readonly atMs: number }[] = [];

  /** `nowMs` is performance.now(). */
  add(nowMs: number, count = 1): void {
    this.#total += count;
    this.#forgetOld(nowMs);
    this.#recent.push({ count, atMs: nowMs });
  }

  get total(): number {
    return this.#total;
  }

  /** How many in the last minute. */
  recent(nowMs: number): number {
    this.#forgetOld(nowMs);
    return this.#recent.reduce((sum, { count }) => sum + count, 0);
  }

  /** What was is no longer recent. */
  forget(): void {
    this.#recent = [];
  }

  #forgetOld(nowMs: number): void {
    const first = this.#recent.findIndex(({ atMs }) => nowMs - atMs <= RECENT_MS);
    this.#recent.splice(0, first < 0 ? this.#recent.length : first);
  }
}
