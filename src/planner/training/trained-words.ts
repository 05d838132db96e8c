/** The words that a model sees in training. */
import { clipWords } from '../conditioning/clip-vocabulary.js';
import { templateStates } from '../conditioning/template-state-prompter.js';

/**
 * The words of instructions and, where the network reads `states`, of the states that the template makes of them: in
 * lower case, cut as CLIP cuts them, each once, sorted. `known` are those that the base was trained on.
 */
export function trainedWords(
  instructions: readonly string[],
  { states, known = [] }: { readonly states: boolean; readonly known?: Iterable<string> },
): string[] {
  const texts = [...new Set(instructions)].flatMap((instruction) => [
    instruction,
    ...(states ? templateStates(instruction) : []),
  ]);
  return [...new Set([...known, ...texts.flatMap(clipWords)])].sort();
}
