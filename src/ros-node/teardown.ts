/** What was made, to be undone again. */

export class Teardown {
  readonly #steps: (() => unknown)[] = [];

  /** `step` undoes what has just been made. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Undoes all of it once, the last first; where a step fails, the others follow. Errors: that of the first that fails. */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
