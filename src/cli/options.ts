/** Values of options, checked. */
import { InvalidArgumentError } from 'commander';
import type { StateTexts } from '../planner/conditioning/state-prompter.js';

export { CHOSEN_PROVIDERS as PROVIDERS } from '../planner/runtime/engine-options.js';

/** Many more than a processor has cores bring it to a halt. */
const MAX_THREADS = 256;

/** A whole number from `low` to `high`. */
export function wholeNumber(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = high === Number.MAX_SAFE_INTEGER ? `of at least ${low}` : `from ${low} to ${high}`;
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= low && value <= high) return value;
    throw new InvalidArgumentError(`Expected a whole number ${range}.`);
  };
}

export const threadCount = wholeNumber(1, MAX_THREADS);

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
