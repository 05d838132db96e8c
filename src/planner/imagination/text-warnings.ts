/** What to tell people of the texts that a model is given: what it does not read of them, and what it never learned. */
import type { StateTexts } from '../conditioning/state-prompter.js';
import type { Networks } from './networks.js';

/** Words that one warning names. */
const MAX_NAMED = 20;

type Reader = Pick<Networks, 'aid' | 'tokenizer'>;

export function instructionWarnings(instruction: string, reader: Reader): string[] {
  return [
    ...cutWarning('the instruction', [instruction], reader),
    ...unseenWarning('words', unseenWords([instruction], reader)),
  ];
}

/** Of words that the instruction has too it was warned already. */
export function stateWarnings(states: StateTexts, instruction: string, reader: Reader): string[] {
  const told = new Set(unseenWords([instruction], reader));
  const unseen = unseenWords(states, reader).filter((word) => !told.has(word));
  return [...unseenWarning('words in the states', unseen), ...cutWarning('a state', states, reader)];
}

/** The words of some texts, each once, that the model was never trained on. */
function unseenWords(texts: readonly string[], { tokenizer }: Reader): string[] {
  return [...new Set(texts.flatMap((text) => tokenizer.unknownWords(text)))];
}

function unseenWarning(what: string, words: readonly string[]): string[] {
  if (words.length === 0) return [];
  return [`${what} that the model was never trained on: ${words.slice(0, MAX_NAMED).join(', ')}`];
}

/** Of the longest of some texts, where a text tower does not read it to its end. */
function cutWarning(what: string, texts: readonly string[], { aid, tokenizer }: Reader): string[] {
  const { text_length: length } = aid;
  const longest = Math.max(...texts.map((text) => tokenizer.encode(text, { length }).tokenCount));
  return longest > length
    ? [`${what} has at least ${longest} tokens; the model reads the first ${length}`]
    : [];
}
