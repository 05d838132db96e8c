/** Values of options, checked. */
import { InvalidArgumentError } from 'commander';
import type { StateTexts } from '../planner/conditioning/state-prompter.js';
import type { ChosenProvider } from '../planner/runtime/choose-engine.js';

export const PROVIDERS = ['auto', 'cpu', 'webgpu', 'cuda', 'tensorrt'] satisfies ChosenProvider[];

/** A whole number from `low` up. */
export function wholeNumber(low: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= low) return value;
    throw new InvalidArgumentError(`Expected a whole number of at least ${low}.`);
  };
}

export function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Expected a number.');
}

/** Four texts in order of time, `|` between them. */
export function stateTexts(text: string): StateTexts {
  const [start = '', grasp = '', moving = '', done = '', ...more] = text
    .split('|')
    .map((part) => part.trim());
  const states = [start, grasp, moving, done] as const;
  if (more.length === 0 && states.every((state) => state !== '')) return states;
  throw new InvalidArgumentError('Expected four texts with | between them.');
}
