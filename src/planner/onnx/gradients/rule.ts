import type { Node, Value } from '../graph.js';

/** What a rule is given. */
export interface Backward {
  readonly node: Node;
  /** The loss's gradient with respect to each output; undefined where the loss does not depend on it. */
  readonly gradients: readonly (Value | undefined)[];
  /** Whether the gradient of that input is needed. */
  wants(input: number): boolean;
  /** The input of that index, which must be there. */
  input(index: number): Value;
  /** The gradient of the only or first output. */
  readonly gradient: Value;
}

/** Appends the nodes of one node's backward pass; returns the gradient of each input that is wanted. */
export type GradientRule = (backward: Backward) => readonly (Value | undefined)[];

/** Rules by operator, `com.microsoft:` before those that are not ONNX's own. */
export type GradientRules = Readonly<Record<string, GradientRule>>;
