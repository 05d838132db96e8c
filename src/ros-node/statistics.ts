/** What diagnostics tell: counts, a rate, and latencies of the last clips. */
import type { ErrorName } from './error-codes.js';
import { RecentCount } from './recent-count.js';

/** Latencies that quantiles are taken of. */
const WINDOW = 256;
const DELIVERIES = 5;
/** Milliseconds. */
const MINUTE = 60_000;

/** Errors that are the node's own, not those of whoever sent the command. */
const FAILURES: ReadonlySet<ErrorName> = new Set([
  'ENGINE_FAILED',
  'ENGINE_UNAVAILABLE',
  'MODEL_INVALID',
  'STATE_PROMPTER_FAILED',
  'INTERNAL',
]);

export class Statistics {
  readonly #startedMs: number;
  readonly #latencies: number[] = [];
  readonly #deliveries: number[] = [];
  readonly #outcomes = new Map<ErrorName, number>();
  readonly #successes = new RecentCount();
  /** Commands that the node failed at. */
  readonly failures = new RecentCount();
  /** Commands that the middleware lost before the node saw them. */
  readonly lost = new RecentCount();
  /** Commands on the topic and goals of the action that came in. */
  commands = 0;
  goals = 0;
  clips = 0;

  /** All times are those of performance.now(). */
  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  /** A command or goal came to its end, `latencyMs` after it came. */
  end(error: ErrorName, latencyMs: number, nowMs: number): void {
    this.#outcomes.set(error, this.count(error) + 1);
    if (FAILURES.has(error)) this.failures.add(nowMs);
    if (error !== 'NONE') return;
    push(this.#latencies, latencyMs, WINDOW);
    this.#successes.add(nowMs);
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
    return this.#outcomes.get(error) ?? 0;
  }

  /** Milliseconds that a share (0 to 1) of the last successful commands did not exceed; undefined before the first. */
  latencyMs(share: number): number | undefined {
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  }

  /** Successful commands per second over the last minute, or since the start where that is less. */
  rate(nowMs: number): number {
    const seconds = Math.min(MINUTE, nowMs - this.#startedMs) / 1000;
    return seconds > 0 ? this.#successes.recent(nowMs) / seconds : 0;
  }

  /** What went wrong before is not held against what is configured now. */
  forgetFailures(): void {
    this.failures.forget();
    this.lost.forget();
  }
}

function push(list: number[], value: number, most: number): void {
  list.push(value);
  if (list.length > most) list.shift();
}
