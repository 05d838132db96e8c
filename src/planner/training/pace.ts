/** How fast a run is: a mean over its recent steps, what happens between them included. */
const STEPS = 50;

export class Pace {
  /** Times at which recent steps ended, and first of all the time before them, ms. */
  readonly #ends: number[];

  constructor(nowMs: number) {
    this.#ends = [nowMs];
  }

  stepEnded(nowMs: number): void {
    this.#ends.push(nowMs);
    if (this.#ends.length > STEPS + 1) this.#ends.shift();
  }

  get secondsPerStep(): number {
    const [first = 0] = this.#ends;
    const last = this.#ends.at(-1) ?? first;
    return (last - first) / 1000 / Math.max(1, this.#ends.length - 1);
  }
}
