/** The camera's latest picture, and waiting for one that is new enough. */

import type { Header } from '../sdk/messages/messages.js';
import { nsFromTime } from '../sdk/messages/time.js';
import { CommandError } from './error-codes.js';

export interface Stamped {
  readonly header: Header;
}

export class LatestImage<Image extends Stamped> {
  readonly #now: () => bigint;
  #latest: Image | undefined;
  #lastNow: bigint;
  readonly #waiting = new Set<() => void>();
  received = 0;

  /** `now` is the node's clock, nanoseconds. */
  constructor(now: () => bigint) {
    this.#now = now;
    this.#lastNow = now();
  }

  put(image: Image): void {
    this.received += 1;
    this.#lastNow = this.#now();
    this.#latest = image;
    for (const wake of [...this.#waiting]) wake();
  }

  forget(): void {
    this.#latest = undefined;
  }

  /**
   * Milliseconds since the latest picture was taken; undefined where there is none. A camera whose clock runs ahead
   * gives 0; a clock that jumped back, as that of a bag played in a loop, leaves no picture.
   */
  get ageMs(): number | undefined {
    const now = this.#now();
    if (now < this.#lastNow) this.#latest = undefined;
    this.#lastNow = now;
    if (this.#latest === undefined) return undefined;
    return Math.max(0, Number(now - nsFromTime(this.#latest.header.stamp)) / 1e6);
  }

  /**
   * The latest picture once it is at most `maxAgeMs` old (0: any age).
   * Errors: CommandError `NO_IMAGE` or `STALE_IMAGE` after `timeoutMs`; the signal's reason.
   */
  next(options: { maxAgeMs: number; timeoutMs: number; abortSignal: AbortSignal }): Promise<Image> {
    const { maxAgeMs, timeoutMs, abortSignal } = options;
    const fresh = (): Image | undefined => {
      const { ageMs } = this;
      return ageMs !== undefined && (maxAgeMs === 0 || ageMs <= maxAgeMs) ? this.#latest : undefined;
    };
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        abortSignal.removeEventListener('abort', onAbort);
        settle();
      };
      const look = (): void => {
        const image = fresh();
        if (image !== undefined) end(() => resolve(image));
      };
      const onAbort = (): void => end(() => reject(abortSignal.reason));
      const onTimeout = (): void => end(() => reject(this.#missing(maxAgeMs, timeoutMs)));
      const timer = setTimeout(onTimeout, timeoutMs);
      if (abortSignal.aborted) return onAbort();
      abortSignal.addEventListener('abort', onAbort);
      this.#waiting.add(look);
      look();
    });
  }

  #missing(maxAgeMs: number, timeoutMs: number): CommandError {
    const waited = `within ${(timeoutMs / 1000).toFixed(1)} s`;
    const { ageMs } = this;
    if (ageMs === undefined) return new CommandError('NO_IMAGE', `no camera frame arrived ${waited}`);
    return new CommandError(
      'STALE_IMAGE',
      `the camera's latest frame is ${(ageMs / 1000).toFixed(1)} s old, max_image_age is ${maxAgeMs / 1000} s, and no newer one arrived ${waited}`,
    );
  }
}
