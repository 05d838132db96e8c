/** One command at a time, the newest next: the rule of Nav2's SimpleActionServer. */
import { CommandError } from './error-codes.js';

export interface Command {
  /** Does the work, tells whoever asked, and never rejects. The signal's reason is a CommandError. */
  begin(abortSignal: AbortSignal): Promise<void>;
  /** Its turn never comes. */
  drop(error: CommandError): void;
}

interface Current {
  readonly command: Command;
  readonly abort: AbortController;
  /** Fulfilled when it has stopped, whatever became of it. */
  readonly stopped: Promise<void>;
}

/**
 * One command is current and at most one pending. A newer pending one takes the place of an older one, which is
 * dropped; with `preempt` it also ends the current one.
 */
export class CommandQueue {
  readonly #onFailure: (error: unknown) => void;
  #current: Current | undefined;
  #pending: Command | undefined;

  /** `onFailure` hears of a command that breaks its word and throws; the queue goes on. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  submit(command: Command, { preempt }: { preempt: boolean }): void {
    if (this.#current === undefined) {
      this.#begin(command);
      return;
    }
    const older = this.#pending;
    this.#pending = command;
    this.#drop(older, new CommandError('DROPPED', 'a newer command took its place before it began'));
    if (preempt) this.#current.abort.abort(new CommandError('PREEMPTED', 'a newer command took its place'));
  }

  /** Ends one command, wherever it is. False when it is not here. */
  end(command: Command, error: CommandError): boolean {
    if (this.#pending === command) {
      this.#pending = undefined;
      this.#drop(command, error);
      return true;
    }
    if (this.#current?.command !== command) return false;
    this.#current.abort.abort(error);
    return true;
  }

  /** Ends all there is now; resolves to their number when it has stopped, whatever came in the meantime. */
  async endAll(error: CommandError): Promise<number> {
    const [current, pending] = [this.#current, this.#pending];
    this.#pending = undefined;
    this.#drop(pending, error);
    current?.abort.abort(error);
    await current?.stopped;
    return (current === undefined ? 0 : 1) + (pending === undefined ? 0 : 1);
  }

  #begin(command: Command): void {
    const abort = new AbortController();
    const begin = async (): Promise<void> => command.begin(abort.signal);
    const stopped = begin()
      .catch(this.#onFailure)
      .finally(() => this.#next());
    this.#current = { command, abort, stopped };
  }

  #next(): void {
    const next = this.#pending;
    this.#pending = undefined;
    this.#current = undefined;
    if (next !== undefined) this.#begin(next);
  }

  #drop(command: Command | undefined, error: CommandError): void {
    try {
      command?.drop(error);
    } catch (thrown) {
      this.#onFailure(thrown);
    }
  }
}
