/** One command at a time, the newest next: the rule of Nav2's SimpleActionServer. */
import { CommandError } from './error-codes.js';

export interface Command {
  /** Does the work, tells whoever asked, and never rejects. The signal's reason is a CommandError. */
  begin(abortSignal: AbortSignal): Promise<void>;
  /** Its turn never comes. */
  drop(error: CommandError): void;
}

/**
 * One command is current and at most one pending. A newer pending one takes the place of an older one, which is
 * dropped; with `preempt` it also ends the current one.
 */
export class CommandQueue {
  #current: { readonly command: Command; readonly abort: AbortController } | undefined;
  #pending: Command | undefined;
  #idle: Promise<void> = Promise.resolve();

  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  submit(command: Command, { preempt }: { preempt: boolean }): void {
    if (this.#current === undefined) {
      this.#idle = this.#work(command);
      return;
    }
    const older = this.#pending;
    this.#pending = command;
    older?.drop(new CommandError('DROPPED', 'a newer command took its place before it began'));
    if (preempt) this.#current.abort.abort(new CommandError('PREEMPTED', 'a newer command took its place'));
  }

  /** Ends one command, wherever it is. False when it is not here. */
  end(command: Command, error: CommandError): boolean {
    if (this.#pending === command) {
      this.#pending = undefined;
      command.drop(error);
      return true;
    }
    if (this.#current?.command !== command) return false;
    this.#current.abort.abort(error);
    return true;
  }

  /** Ends all there is; resolves to their number when nothing is under way any more. */
  async endAll(error: CommandError): Promise<number> {
    const count = (this.#current === undefined ? 0 : 1) + (this.#pending === undefined ? 0 : 1);
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.drop(error);
    this.#current?.abort.abort(error);
    await this.#idle;
    return count;
  }

  async #work(first: Command): Promise<void> {
    let next: Command | undefined = first;
    while (next !== undefined) {
      const abort = new AbortController();
      this.#current = { command: next, abort };
      await next.begin(abort.signal);
      next = this.#pending;
      this.#pending = undefined;
    }
    this.#current = undefined;
  }
}
