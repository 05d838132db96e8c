/** Who tells the network, in words, the states that an instruction passes through. */
import type { Frame } from './frame.js';

/** Four texts in the order of time, the S = 4 states of the paper. */
export type StateTexts = readonly [start: string, grasp: string, moving: string, done: string];

export function isStateTexts(states: unknown): states is StateTexts {
  return Array.isArray(states) && typeof states[0] === 'string';
}

export interface StatePrompt {
  readonly states: StateTexts;
  /** Name and version of what wrote them, such as "template/1". */
  readonly writtenBy: string;
  /** What a model was asked. */
  readonly prompt?: WrittenPrompt;
  /** Why these are not the states of the prompter that was asked. */
  readonly fallbackReason?: string;
}

/** The versioned text that a model was told, and the model. */
export interface WrittenPrompt {
  readonly version: string;
  readonly text: string;
  readonly model: string;
}

/** A multimodal model, or what stands in for one. */
export interface StatePrompter {
  readonly name: string;

  /** Errors: `state-prompter-failed`, `aborted`. */
  states(request: {
    readonly frame: Frame;
    readonly instruction: string;
    readonly abortSignal?: AbortSignal | undefined;
  }): Promise<StatePrompt>;
}
