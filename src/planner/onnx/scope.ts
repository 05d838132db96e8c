/**
 * A place in the module tree. Its path is the prefix of the checkpoint keys under it, as in PyTorch:
 * `scope.at('conv_in').parameter('weight', ...)` is the tensor `conv_in.weight`.
 */
import type { Graph, Value } from './graph.js';

export class Scope {
  constructor(
    readonly graph: Graph,
    readonly path: string = '',
  ) {}

  /** A module below this one: `at('resnets', 0)` is `resnets.0`. */
  at(...names: readonly (string | number)[]): Scope {
    return new Scope(this.graph, this.#join(names.join('.')));
  }

  parameter(name: string, shape: readonly number[]): Value {
    return this.graph.parameter(this.#join(name), shape);
  }

  #join(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}
