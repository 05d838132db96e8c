import { AidError } from '../errors.js';

/**
 * The instruction without white space around it. One that is too long for the text tower is not refused here:
 * `Tokenizer.encode` cuts it and says so. Errors: `invalid-argument` for one that is empty or not text.
 */
export function checkInstruction(instruction: string): string {
  if (typeof instruction !== 'string')
    throw new AidError('invalid-argument', `instruction: expected text, got ${typeof instruction}`);
  const text = instruction.trim();
  if (text === '')
    throw new AidError('invalid-argument', 'instruction: expected at least one word, got none');
  return text;
}
