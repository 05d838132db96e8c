/** Text to the token ids of a CLIP text tower. */
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { AidError } from '../errors.js';
import { clipWords, replaceFinalSigma } from './clip-vocabulary.js';
import { readTokenizerFolder } from './tokenizer-folder.js';

/** A text as a CLIP text tower reads it. */
export interface EncodedText {
  /** [length]: start of text, the text's tokens, end of text, then padding. */
  readonly inputIds: BigInt64Array;
  /** Tokens of the whole text with its start and end; at least so many, where it is too long to be read to its end. */
  readonly tokenCount: number;
  /** Whether the text was longer than `length`; its end-of-text token is kept, at the last place. */
  readonly truncated: boolean;
}

export interface Tokenizer {
  /** One more than the highest id. A text tower with a smaller `vocab_size` cannot read this tokenizer's ids. */
  readonly vocabSize: number;
  readonly startTokenId: number;
  readonly endTokenId: number;
  readonly padTokenId: number;
  /** The words that the model was trained on, where a list tells. */
  readonly knownWords: ReadonlySet<string> | undefined;

  /** `length` is at least 2. Errors: `invalid-argument`. */
  encode(text: string, options: { length: number }): EncodedText;

  /**
   * The words of a text, in lower case and each once, that the model was never trained on: empty where no list
   * tells. Punctuation and digits count as words of their own, as CLIP cuts them.
   */
  unknownWords(text: string): string[];
}

/**
 * The tokenizer of a CLIP folder: `tokenizer.json`, or `vocab.json` and `merges.txt`. Ids are those of
 * transformers' CLIPTokenizerFast. `tokenizer_config.json` and `special_tokens_map.json` choose the padding
 * (end of text in CLIP, "!" in Stable Diffusion 2), by the rule of transformers; `words.json` is this package's
 * list of known words, of which `trainedWords` takes the place: a tokenizer may know words that no training text had.
 * Errors: `invalid-model-folder`, naming the file.
 */
export async function loadTokenizer(
  folder: string,
  { trainedWords }: { readonly trainedWords?: ReadonlySet<string> | undefined } = {},
): Promise<Tokenizer> {
  const files = await readTokenizerFolder(folder);
  const { tokenizerJson, vocabularyFile, padToken } = files;
  const knownWords = trainedWords ?? files.knownWords;
  const fail = (what: string, cause?: unknown): never => {
    throw new AidError('invalid-model-folder', `${vocabularyFile}: ${what}`, { cause });
  };
  const { library, ends } = build(tokenizerJson, fail);
  const [startTokenId, endTokenId] = ends;
  const padTokenId = library.token_to_id(padToken);
  if (startTokenId === undefined || endTokenId === undefined || padTokenId === undefined || ends.length !== 2)
    return fail(`expected a start and an end token around every text, got the ids [${ends.join(', ')}]`);

  return {
    vocabSize: highestId(library) + 1,
    startTokenId,
    endTokenId,
    padTokenId,
    knownWords,
    encode(text, { length }) {
      if (!Number.isInteger(length) || length < 2)
        throw new AidError('invalid-argument', `length: expected an integer of at least 2, got ${length}`);
      const { ids, tokenCount } = beginningOf(text, length, library);
      const truncated = tokenCount > length;
      const kept = truncated ? [...ids.slice(0, length - 1), endTokenId] : ids;
      const inputIds = new BigInt64Array(length).fill(BigInt(padTokenId));
      inputIds.set(kept.map(BigInt));
      return { inputIds, tokenCount, truncated };
    },
    unknownWords(text) {
      if (knownWords === undefined) return [];
      return [...new Set(clipWords(text))].filter((word) => !knownWords.has(word));
    },
  };
}

/** Characters for a token where the encoding of a long text begins: of English there are five. */
const CHARACTERS_PER_TOKEN = 16;

/**
 * The ids of a text, or of a beginning of it that has twice `length` tokens: where it is cut then, in the middle of a
 * word or not, does not change the first half. The words that are left count as a token each.
 */
function beginningOf(
  text: string,
  length: number,
  library: LibraryTokenizer,
): { ids: number[]; tokenCount: number } {
  for (let characters = CHARACTERS_PER_TOKEN * length; ; characters *= 2) {
    const { ids } = library.encode(replaceFinalSigma(text.slice(0, characters)));
    if (text.length <= characters) return { ids, tokenCount: ids.length };
    if (ids.length >= 2 * length) return { ids, tokenCount: Math.max(wordCount(text) + 2, length + 1) };
  }
}

function wordCount(text: string): number {
  let count = 0;
  for (const _ of text.matchAll(/\S+/g)) count++;
  return count;
}

function build(
  json: Readonly<Record<string, unknown>>,
  fail: (what: string, cause?: unknown) => never,
): { library: LibraryTokenizer; ends: number[] } {
  try {
    const library = new LibraryTokenizer(json, {});
    return { library, ends: library.encode('').ids };
  } catch (cause) {
    return fail(`not a tokenizer that can be read: ${(cause as Error).message}`, cause);
  }
}

function highestId(library: LibraryTokenizer): number {
  let highest = 0;
  for (const id of library.get_vocab().values()) highest = Math.max(highest, id);
  return highest;
}
