/** What the stages of a clip took lately, so that the next one can be planned. */

/** Few, so that a load that comes or goes is soon known. */
const KEPT = 5;

export class StageTimes {
  readonly #stages = new Map<string, Map<number, number[]>>();

  /** `rows` are the batch's; the first run of a graph also prepares what the others need. */
  record(stage: string, rows: number, ms: number): void {
    const byRows = this.#stages.get(stage) ?? new Map<number, number[]>();
    this.#stages.set(stage, byRows);
    const earlier = byRows.get(rows) ?? [];
    // The first one is only worth something until there is a second.
    byRows.set(rows, earlier.length === 1 ? [ms, ms] : [...earlier, ms].slice(-KEPT));
  }

  /** Milliseconds, the longest of the last few; in proportion from other batches; undefined when never run. */
  expected(stage: string, rows: number): number | undefined {
    const byRows = this.#stages.get(stage);
    const known = byRows?.get(rows);
    if (known !== undefined) return Math.max(...known);
    for (const [other, times] of byRows ?? []) return (Math.max(...times) * rows) / other;
    return undefined;
  }
}
