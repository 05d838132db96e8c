/** The gradients of a step, added up over its runs and the parts of each. Its memory is used again at every step. */
export class GradientSum {
  /** The sums, by the tensors' keys. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
  #squares = 0;

  /** `lengths`: how many numbers each tensor has, by key. */
  constructor(lengths: Iterable<readonly [key: string, length: number]>) {
    this.gradients = new Map([...lengths].map(([key, length]) => [key, new Float32Array(length)]));
  }

  /** Length of all sums as one vector. */
  get norm(): number {
    return Math.sqrt(this.#squares);
  }

  /** Adds a gradient to each sum; the first ones of a step begin it. Squares are summed on the way, for the norm. */
  add(gradientOf: (key: string) => Float32Array, isFirst: boolean): void {
    let squares = 0;
    for (const [key, sum] of this.gradients) {
      const gradient = gradientOf(key);
      for (let i = 0; i < sum.length; i++) {
        const g = gradient[i] as number;
        // As the sum's memory rounds it.
        const total = isFirst ? g : Math.fround((sum[i] as number) + g);
        sum[i] = total;
        squares += total * total;
      }
    }
    this.#squares = squares;
  }
}
