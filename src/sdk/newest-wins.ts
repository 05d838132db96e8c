/** One piece of work at a time, the newest next: for an engine that stops at its next denoising step, not at once. */
import { from, type ObservableInput } from 'rxjs';

export interface Work<Reason> {
  /**
   * Does the work. What it returns ends, with an error or without, when the work has stopped: done, or given up after
   * `abortSignal` aborted, whose reason is a `Reason`. Does not throw.
   */
  begin(abortSignal: AbortSignal): ObservableInput<unknown>;
  /** Its turn never comes. */
  drop(reason: Reason): void;
}

export interface NewestWinsOptions<Reason> {
  /** Why work ends that a newer one took the place of. */
  readonly superseded: (was: 'waiting' | 'under-way') => Reason;
  /** Told each time that nothing is under way any more. */
  readonly onIdle?: () => void;
}

/**
 * One piece of work is under way and at most one waits, as in Nav2's SimpleActionServer. A newer one takes the place
 * of the one that waits, which is dropped; with `preempt` it also ends the one under way. It begins when that has
 * really stopped, so that a storm of commands piles nothing up in the engine.
 */
export class NewestWins<Reason> {
  readonly #options: NewestWinsOptions<Reason>;
  #underWay: { readonly work: Work<Reason>; readonly abort: AbortController } | undefined;
  #waiting: Work<Reason> | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(options: NewestWinsOptions<Reason>) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#underWay !== undefined;
  }

  submit(work: Work<Reason>, { preempt }: { readonly preempt: boolean }): void {
    const underWay = this.#underWay;
    if (underWay === undefined) {
      this.#begin(work);
      return;
    }
    const older = this.#waiting;
    this.#waiting = work;
    older?.drop(this.#options.superseded('waiting'));
    // Whoever hears of the drop may submit again: only what was under way before is ended.
    if (preempt) underWay.abort.abort(this.#options.superseded('under-way'));
  }

  /** Ends one piece of work, wherever it is. False when it is not here. */
  end(work: Work<Reason>, reason: Reason): boolean {
    if (this.#waiting === work) {
      this.#waiting = undefined;
      work.drop(reason);
      return true;
    }
    if (this.#underWay?.work !== work) return false;
    this.#underWay.abort.abort(reason);
    return true;
  }

  /** Ends all there is; resolves to their number when nothing is under way any more. */
  async endAll(reason: Reason): Promise<number> {
    const [underWay, waiting] = [this.#underWay, this.#waiting];
    this.#waiting = undefined;
    waiting?.drop(reason);
    underWay?.abort.abort(reason);
    if (this.#underWay !== undefined) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    return (underWay === undefined ? 0 : 1) + (waiting === undefined ? 0 : 1);
  }

  #begin(work: Work<Reason>): void {
    const abort = new AbortController();
    this.#underWay = { work, abort };
    const stopped = (): void => this.#next();
    from(work.begin(abort.signal)).subscribe({ error: stopped, complete: stopped });
  }

  #next(): void {
    const next = this.#waiting;
    this.#waiting = undefined;
    this.#underWay = undefined;
    if (next !== undefined) {
      this.#begin(next);
      return;
    }
    for (const resolve of this.#whenIdle.splice(0)) resolve();
    this.#options.onIdle?.();
  }
}
