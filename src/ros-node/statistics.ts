/** What diagnostics tell: counts, a rate, and latencies of the last clips. */
import type { ErrorName } from './error-codes.js';

const WINDOW = 256;
const DELIVERIES = 5;

export class Statistics {
  readonly #latencies: number[] = [];
  readonly #ends: number[] = [];
  readonly #deliveries: number[] = [];
  readonly outcomes = new Map<ErrorName, number>();
  /** Commands on the topic and goals of the action that came in. */
  commands = 0;
  goals = 0;
  clips = 0;
  /** Commands that the middleware lost before the node saw them. */
  lost = 0;

  /** A command or goal came to its end, `latencyMs` after it came. */
  end(error: ErrorName, latencyMs: number, nowMs: number): void {
    this.outcomes.set(error, (this.outcomes.get(error) ?? 0) + 1);
    if (error !== 'NONE') return;
    push(this.#latencies, latencyMs, WINDOW);
    push(this.#ends, nowMs, WINDOW);
  }

  /** Clips were made into messages and published. */
  delivered(ms: number): void {
    push(this.#deliveries, ms, DELIVERIES);
  }

  /** The longest of the last few times, so that a deadline leaves room for it. */
  get deliveryMs(): number {
    return Math.max(0, ...this.#deliveries);
  }

  count(error: ErrorName): number {
    return this.outcomes.get(error) ?? 0;
  }

  /** Milliseconds that a share (0 to 1) of the last successful commands did not exceed; undefined before the first. */
  latencyMs(share: number): number | undefined {
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  }

  /** Successful commands per second over the last minute. */
  rate(nowMs: number): number {
    return this.#ends.filter((end) => nowMs - end <= 60_000).length / 60;
  }
}

function push(list: number[], value: number, most: number): void {
  list.push(value);
  if (list.length > most) list.shift();
}
