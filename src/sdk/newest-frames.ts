/** What a camera sees now, encoded once for all commands that begin on it. */
import { type Observable, ReplaySubject } from 'rxjs';
import type { Frame } from '../planner/conditioning/frame.js';
import { AidError } from '../planner/errors.js';
import type { Observation } from '../planner/imagination/observation.js';
import type { Planner } from './planner.js';

/** An observation that is being made or was made, for whoever joined. */
export interface SharedLook {
  readonly observation: Promise<Observation>;
  /** One who needs it no longer; a look that nobody needs and that is not the newest stops. */
  leave(): void;
}

interface Look {
  readonly frames: readonly Frame[];
  readonly observation: Promise<Observation>;
  readonly abort: AbortController;
  users: number;
}

/** The last `count` frames of a camera, and nothing of what was before. */
export class NewestFrames {
  readonly #planner: Planner;
  readonly #count: number;
  readonly #enough = new ReplaySubject<readonly Frame[]>(1);
  #last: readonly Frame[] = [];
  #look: Look | undefined;

  constructor(planner: Planner, count: number) {
    this.#planner = planner;
    this.#count = count;
  }

  /** The newest ones, as soon as there are as many. */
  get frames(): Observable<readonly Frame[]> {
    return this.#enough;
  }

  add(frame: Frame): void {
    this.#last = [...this.#last, frame].slice(-this.#count);
    if (this.#look !== undefined) this.#stopIfIdle(this.#look);
    if (this.#last.length === this.#count) this.#enough.next(this.#last);
  }

  /** The camera has ended; what it showed last stays. */
  end(): void {
    if (this.#last.length < this.#count)
      this.#enough.error(
        new AidError(
          'invalid-argument',
          `frame$: ended after ${this.#last.length} frames, ${this.#count} are needed`,
        ),
      );
  }

  close(): void {
    this.#enough.complete();
    this.#look?.abort.abort();
  }

  /** One observation of the same frames, however many ask for it. */
  look(frames: readonly Frame[]): SharedLook {
    const look = this.#look?.frames === frames ? this.#look : this.#begin(frames);
    look.users += 1;
    let isUsed = true;
    return {
      observation: look.observation,
      leave: () => {
        if (isUsed) look.users -= 1;
        isUsed = false;
        this.#stopIfIdle(look);
      },
    };
  }

  #stopIfIdle(look: Look): void {
    if (look.users > 0 || look.frames === this.#last) return;
    look.abort.abort();
    if (this.#look === look) this.#look = undefined;
  }

  #begin(frames: readonly Frame[]): Look {
    const abort = new AbortController();
    const observation = this.#planner.observe(frames, { abortSignal: abort.signal });
    const look = { frames, observation, abort, users: 0 };
    this.#look = look;
    observation.catch(() => {
      // The next command tries again.
      if (this.#look === look) this.#look = undefined;
    });
    return look;
  }
}
