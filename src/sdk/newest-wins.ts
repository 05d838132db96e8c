/** One piece of work at a time, the newest next: for an engine that stops at its next denoising step, not at once. */
import { from, type Observable, type ObservableInput } from 'rxjs';

export interface QueuedWork<Reason> {
  /**
   * Does the work. What it returns ends when the work has stopped: done, or given up after `abortSignal` aborted, whose
   * reason is a `Reason`.
   */
  begin(abortSignal: AbortSignal): ObservableInput<unknown>;
  /** Its turn never comes. */
  drop(reason: Reason): void;
}

export interface NewestWinsOptions<Reason> {
  /** Why work ends that a newer one took the place of. */
  readonly superseded: (was: 'waiting' | 'under-way') => Reason;
  /** Told of work that ends with an error or throws; the queue goes on. */
  readonly onFailure?: (error: unknown) => void;
  /** Told each time that nothing is under way any more. */
  readonly onIdle?: () => void;
}

interface UnderWay<Reason> {
  readonly work: QueuedWork<Reason>;
  readonly abort: AbortController;
  /** Fulfilled when it has stopped, whatever became of it. */
  readonly stopped: Promise<void>;
}

/**
 * One piece of work is under way and at most one waits, as in Nav2's SimpleActionServer. A newer one takes the place
 * of the one that waits, which is dropped; with `preempt` it also ends the one under way. It begins when that has
 * really stopped, so that a storm of commands piles nothing up in the engine.
 */
export class NewestWins<Reason> {
  readonly #options: NewestWinsOptions<Reason>;
  #underWay: UnderWay<Reason> | undefined;
  #waiting: QueuedWork<Reason> | undefined;

  constructor(options: NewestWinsOptions<Reason>) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#underWay !== undefined;
  }

  submit(work: QueuedWork<Reason>, { preempt }: { readonly preempt: boolean }): void {
    const underWay = this.#underWay;
    if (underWay === undefined) {
      this.#begin(work);
      return;
    }
    const older = this.#waiting;
    this.#waiting = work;
    if (older !== undefined) this.#drop(older, this.#options.superseded('waiting'));
    // Whoever hears of the drop may submit again: only what was under way before is ended.
    if (preempt) underWay.abort.abort(this.#options.superseded('under-way'));
  }

  /** Ends one piece of work, wherever it is. False when it is not here. */
  end(work: QueuedWork<Reason>, reason: Reason): boolean {
    if (this.#waiting === work) {
      this.#waiting = undefined;
      this.#drop(work, reason);
      return true;
    }
    if (this.#underWay?.work !== work) return false;
    this.#underWay.abort.abort(reason);
    return true;
  }

  /** Ends all there is now; resolves to their number when it has stopped, whatever came in the meantime. */
  async endAll(reason: Reason): Promise<number> {
    const [underWay, waiting] = [this.#underWay, this.#waiting];
    this.#waiting = undefined;
    if (waiting !== undefined) this.#drop(waiting, reason);
    underWay?.abort.abort(reason);
    await underWay?.stopped;
    return (underWay === undefined ? 0 : 1) + (waiting === undefined ? 0 : 1);
  }

  #begin(work: QueuedWork<Reason>): void {
    const abort = new AbortController();
    let stop = (): void => undefined;
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    this.#underWay = { work, abort, stopped };
    const next = (): void => {
      stop();
      this.#next();
    };
    begun(work, abort.signal).subscribe({
      error: (error: unknown) => {
        this.#options.onFailure?.(error);
        next();
      },
      complete: next,
    });
  }

  #next(): void {
    const next = this.#waiting;
    this.#waiting = undefined;
    this.#underWay = undefined;
    if (next === undefined) this.#options.onIdle?.();
    else this.#begin(next);
  }

  #drop(work: QueuedWork<Reason>, reason: Reason): void {
    try {
      work.drop(reason);
    } catch (error) {
      this.#options.onFailure?.(error);
    }
  }
}

/** What throws instead of beginning, or gives nothing to wait for, ends as what fails later does. */
function begun<Reason>(work: QueuedWork<Reason>, abortSignal: AbortSignal): Observable<unknown> {
  try {
    return from(work.begin(abortSignal));
  } catch (error) {
    return from(Promise.reject(error));
  }
}
