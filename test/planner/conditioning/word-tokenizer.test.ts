import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { templateStates } from '#planner/conditioning/template-state-prompter.js';
import { loadTokenizer } from '#planner/conditioning/tokenizer.js';
import { writeWordTokenizer } from '#planner/conditioning/word-tokenizer.js';
import { TEMPLATE_WORDS } from '../../support/template-words.js';
import { temporaryFolder } from './temporary-folder.js';

const WORDS =
  "put place the red blue cube cylinder plate on onto to left right in into under understand stand and sand a an i 's , ."
    .split(' ')
    .concat(['café', '立方体', '7']);
// Words that share their letters in every order: merges of one must not spoil another.
const TANGLED = ['abc', 'bca', 'cab', 'bc', 'ab', 'abcabc', 'cabbage', 'aaaa', 'aaa', 'aa', 'babab', 'ababa'];

describe('a word tokenizer', () => {
  test.each([
    ['everyday words', WORDS],
    ['words of the same letters', TANGLED],
    ['the words of the state template', TEMPLATE_WORDS],
  ])('makes one token of each of %s', async (_, words) => {
    const folder = temporaryFolder();
    const { vocabSize } = await writeWordTokenizer(folder, words);
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.vocabSize).toBe(vocabSize);
    const ids = new Set<bigint | undefined>();
    for (const word of words) {
      const { tokenCount, inputIds } = tokenizer.encode(word, { length: 8 });
      expect(tokenCount, word).toBe(3);
      ids.add(inputIds[1]);
    }
    expect(ids.size).toBe(words.length);
  });

  test('cuts any other text into known pieces', async () => {
    const folder = temporaryFolder();
    await writeWordTokenizer(folder, WORDS);
    const tokenizer = await loadTokenizer(folder);
    const { inputIds, tokenCount } = tokenizer.encode('Zyzzyvas! 🥕 über 42', { length: 40 });
    // 8 letters, a sign, 4 bytes, 3 letters and the 2 bytes of one more, 2 digits; none is the unknown token.
    expect(tokenCount).toBe(2 + 8 + 1 + 4 + 5 + 2);
    expect(inputIds.slice(1, tokenCount - 1)).not.toContain(BigInt(tokenizer.endTokenId));
  });

  test('pads with the end of text', async () => {
    const folder = temporaryFolder();
    await writeWordTokenizer(folder, WORDS);
    const { startTokenId, endTokenId, padTokenId } = await loadTokenizer(folder);
    expect(padTokenId).toBe(endTokenId);
    expect(startTokenId).toBe(endTokenId - 1);
  });

  test('is the same, byte for byte, for the same set of words', async () => {
    const [one, other] = [temporaryFolder(), temporaryFolder()];
    await writeWordTokenizer(one, WORDS);
    await writeWordTokenizer(other, [...WORDS, 'PUT', 'Red'].reverse());
    expect(readdirSync(one).sort()).toEqual([
      'merges.txt',
      'special_tokens_map.json',
      'tokenizer_config.json',
      'vocab.json',
      'words.json',
    ]);
    for (const name of readdirSync(one))
      expect(readFileSync(join(other, name), 'utf8')).toBe(readFileSync(join(one, name), 'utf8'));
  });

  test('tells the words that it was not made for, each once', async () => {
    const folder = temporaryFolder();
    await writeWordTokenizer(folder, WORDS);
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.knownWords?.has('cylinder')).toBe(true);
    expect(tokenizer.unknownWords('Put the RED cube, on the blue plate.')).toEqual([]);
    expect(tokenizer.unknownWords('put the corn in the Pot; corn! 42')).toEqual([
      'corn',
      'pot',
      ';',
      '!',
      '4',
      '2',
    ]);
  });

  test('that knows the template and an instruction knows its states', async () => {
    const instruction = 'put the red cube on the blue plate';
    const folder = temporaryFolder();
    await writeWordTokenizer(folder, [...TEMPLATE_WORDS, ...instruction.split(' ')]);
    const tokenizer = await loadTokenizer(folder);
    for (const state of templateStates(instruction)) expect(tokenizer.unknownWords(state)).toEqual([]);
  });

  test.each(['two words', 't-shirt', '42', "it's", '', ' cube', 'café!'])(
    'refuses %j as a word',
    async (word) => {
      const folder = temporaryFolder();
      await expect(writeWordTokenizer(folder, ['put', word])).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining(JSON.stringify(word)),
      });
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  test('may have no words at all', async () => {
    const folder = temporaryFolder();
    expect(await writeWordTokenizer(folder, [])).toEqual({ vocabSize: 514 });
    expect((await loadTokenizer(folder)).unknownWords('put')).toEqual(['put']);
  });
});
