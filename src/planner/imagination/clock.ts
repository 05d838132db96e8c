/** The time that a clip has and takes. */
import type { ClipReport } from './events.js';

const LAPS = { observeMs: 0, conditionMs: 0, denoiseMs: 0, decodeMs: 0 };

export class Stopwatch {
  readonly #started = performance.now();
  #last = this.#started;
  readonly #laps = { ...LAPS };

  lap(name: keyof typeof LAPS): void {
    const now = performance.now();
    this.#laps[name] = now - this.#last;
    this.#last = now;
  }

  get elapsedMs(): number {
    return performance.now() - this.#started;
  }

  get timings(): ClipReport['timings'] {
    return { ...this.#laps, totalMs: this.#last - this.#started };
  }
}

/** Work that is given up when its time is over. */
export class Timer {
  /** Milliseconds from now to when work is given up; unlimited until said otherwise. */
  #end = Number.POSITIVE_INFINITY;
  readonly #expired: () => Error;

  constructor(expired: () => Error) {
    this.#expired = expired;
  }

  endIn(ms: number): void {
    this.#end = performance.now() + ms;
  }

  /** Before work that nobody could wait for. Errors: the timer's. */
  check(): void {
    if (performance.now() >= this.#end) throw this.#expired();
  }

  /**
   * What `work` gives, or the timer's error when that takes too long. The work then goes on unheard until it ends; what
   * it gives goes to `tooLate`.
   */
  async race<Result>(
    work: Promise<Result>,
    tooLate: (result: Result) => unknown = () => undefined,
  ): Promise<Result> {
    if (this.#end === Number.POSITIVE_INFINITY) return work;
    let timeout: NodeJS.Timeout | undefined;
    let isLate = false;
    const late = new Promise<never>((_, reject) => {
      const give = (): void => {
        isLate = true;
        reject(this.#expired());
      };
      const left = this.#end - performance.now();
      if (left <= 0) give();
      else timeout = setTimeout(give, Math.min(left, MAX_TIMEOUT_MS));
    });
    work.then((result) => (isLate ? tooLate(result) : undefined)).catch(() => undefined);
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timeout);
    }
  }
}

/** What setTimeout can hold. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
