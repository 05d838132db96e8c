/** A CLIP tokenizer for a small model: every word that it is trained on is one token. */
import { join } from 'node:path';
import { writeFileAtomically } from '../atomic-file.js';
import { AidError } from '../errors.js';
import {
  asByteCharacters,
  byteCharacters,
  clipWords,
  END_OF_TEXT,
  END_OF_WORD,
  START_OF_TEXT,
} from './clip-vocabulary.js';
import type { WordList } from './word-list.js';

/** CLIP's own. */
const MAX_LENGTH = 77;

/**
 * Writes a tokenizer folder in CLIP's format (`vocab.json`, `merges.txt`, `tokenizer_config.json`,
 * `special_tokens_map.json`) and `words.json`, the list for `Tokenizer.unknownWords`. Each word is one token;
 * any other text is cut into smaller ones, down to bytes. Words count in lower case, once, in any order: the
 * same set gives the same files. Ids: 256 bytes, 256 bytes that end a word, the merged tokens, start of text,
 * end of text, which is also the padding. Returns the number of ids, which is the text tower's `vocab_size`.
 * Errors: `invalid-argument` for a word that CLIP cuts in two, such as "two words", "42" or "t-shirt";
 * `io-failed`.
 */
export async function writeWordTokenizer(
  folder: string,
  words: readonly string[],
): Promise<{ vocabSize: number }> {
  const known = [...new Set(words.map(asOneWord))].sort();
  const merges = mergesFor(known.map((word) => [...asByteCharacters(word)]));
  const bytes = byteCharacters();
  const tokens = new Set([
    ...bytes,
    ...bytes.map((character) => character + END_OF_WORD),
    ...merges.map((pair) => pair.join('')),
    START_OF_TEXT,
    END_OF_TEXT,
  ]);
  const vocab = Object.fromEntries([...tokens].map((token, id) => [token, id]));
  const special = {
    bos_token: START_OF_TEXT,
    eos_token: END_OF_TEXT,
    unk_token: END_OF_TEXT,
    pad_token: END_OF_TEXT,
  };
  const config = { tokenizer_class: 'CLIPTokenizer', model_max_length: MAX_LENGTH, do_lower_case: true };
  const list: WordList = { words: known };
  const files = {
    'vocab.json': json(vocab),
    'merges.txt': ['#version: 0.2', ...merges.map((pair) => pair.join(' ')), ''].join('\n'),
    'tokenizer_config.json': json({ ...config, ...special }),
    'special_tokens_map.json': json(special),
    'words.json': json(list),
  };
  for (const [name, text] of Object.entries(files))
    await writeFileAtomically(join(folder, name), (file) => file.writeFile(text));
  return { vocabSize: tokens.size };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}

function asOneWord(word: string): string {
  const pieces = clipWords(word);
  if (pieces.length === 1 && pieces[0] !== undefined && word.trim() === word) return pieces[0];
  throw new AidError(
    'invalid-argument',
    `words: expected words that CLIP does not cut, got ${JSON.stringify(word)}, which it cuts into ${JSON.stringify(pieces)}`,
  );
}

/**
 * Merges, in rank order, that make one token of every word. A word is first merged as far as the merges
 * so far go; where it stops in several tokens, a merge of the first two is added at the end. A new merge has the
 * lowest priority, so it never takes part in a word that was whole before it came.
 */
function mergesFor(words: readonly (readonly string[])[]): [string, string][] {
  const ranks = new Map<string, number>();
  const merges: [string, string][] = [];
  for (const characters of words) {
    let tokens = [...characters.slice(0, -1), `${characters.at(-1)}${END_OF_WORD}`];
    for (;;) {
      tokens = merge(tokens, ranks);
      const [first, second] = tokens;
      if (first === undefined || second === undefined) break;
      ranks.set(`${first} ${second}`, merges.length);
      merges.push([first, second]);
    }
  }
  return merges;
}

/** Byte-pair encoding: the pair of the lowest rank is joined, the leftmost first, until none is left. */
function merge(tokens: readonly string[], ranks: ReadonlyMap<string, number>): string[] {
  const joined = [...tokens];
  for (;;) {
    let best = -1;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < joined.length; i++) {
      const rank = ranks.get(`${joined[i]} ${joined[i + 1]}`);
      if (rank !== undefined && rank < bestRank) [best, bestRank] = [i, rank];
    }
    if (best < 0) return joined;
    joined.splice(best, 2, `${joined[best]}${joined[best + 1]}`);
  }
}
