/** What a model does not read of a data set's instructions, and what it never learned. */
import { templateStates } from '../conditioning/template-state-prompter.js';
import type { Tokenizer } from '../conditioning/tokenizer.js';

export interface TextFit {
  readonly clips: number;
  /** Tokens of a text that the model reads. */
  readonly length: number;
  /** Clips of which the instruction or a state text that is made of it is longer; its end is not read. */
  readonly cutClips: number;
  /** The longest of these texts. */
  readonly longest: string | undefined;
  /** Words that are not in the tokenizer's list, and in how many clips they are, the most frequent first. */
  readonly unknownWords: readonly (readonly [word: string, clips: number])[];
}

/** Words that a sentence names. */
const NAMED = 12;

/** `instructions`: of every clip. `length`: tokens of a text that the model reads. */
export function textFit(instructions: readonly string[], tokenizer: Tokenizer, length: number): TextFit {
  const clipsOf = new Map<string, number>();
  for (const instruction of instructions) clipsOf.set(instruction, (clipsOf.get(instruction) ?? 0) + 1);
  const unknown = new Map<string, number>();
  let cutClips = 0;
  let longest: { readonly text: string; readonly tokens: number } | undefined;
  for (const [instruction, clips] of clipsOf) {
    const encoded = [instruction, ...templateStates(instruction)].map((text) => {
      const { truncated, tokenCount } = tokenizer.encode(text, { length });
      return { text, truncated, tokens: tokenCount };
    });
    const cut = encoded.filter(({ truncated }) => truncated);
    if (cut.length > 0) cutClips += clips;
    for (const each of cut) if (each.tokens > (longest?.tokens ?? 0)) longest = each;
    const words = new Set(encoded.flatMap(({ text }) => tokenizer.unknownWords(text)));
    for (const word of words) unknown.set(word, (unknown.get(word) ?? 0) + clips);
  }
  return {
    clips: instructions.length,
    length,
    cutClips,
    longest: longest?.text,
    unknownWords: [...unknown].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)),
  };
}

/** A sentence for each problem; none where everything is read and known. */
export function textProblems({ clips, length, cutClips, longest, unknownWords }: TextFit): string[] {
  const named = unknownWords.slice(0, NAMED).map(([word, count]) => `${word} (${count})`);
  const more = unknownWords.length > NAMED ? ` and ${unknownWords.length - NAMED} more` : '';
  return [
    ...(cutClips === 0
      ? []
      : [
          `${cutClips} of ${clips} clips have an instruction or a state text of more than ${length} tokens, whose end is not read, such as "${longest}"`,
        ]),
    ...(unknownWords.length === 0
      ? []
      : [`words that are not in the tokenizer's list, and in how many clips: ${named.join(', ')}${more}`]),
  ];
}
