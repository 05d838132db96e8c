import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTokenizer } from '#planner/conditioning/tokenizer.js';
import { fixture, temporaryFolder } from './temporary-folder.js';

interface Expected {
  readonly padToken: number;
  readonly cases: readonly { text: string; times?: number; tokenCount: number; ids: string }[];
}
const expected: Record<string, Expected> = JSON.parse(
  readFileSync(fixture('tokenizer-expected.json'), 'utf8'),
);

const FOLDERS = {
  'vocab.json and merges.txt': { fixtures: ['clip-tokenizer', 'clip-tokenizer-clip'], judge: 'clip' },
  'tokenizer.json': { fixtures: ['clip-tokenizer-json'], judge: 'clip' },
  'a folder that pads with "!"': {
    fixtures: ['clip-tokenizer', 'clip-tokenizer-exclamation'],
    judge: 'exclamation',
  },
};

describe.each(Object.entries(FOLDERS))('a tokenizer from %s', (_, { fixtures, judge }) => {
  const { padToken, cases } = expected[judge] as Expected;

  test('gives the ids of transformers for every text', async () => {
    const tokenizer = await loadTokenizer(temporaryFolder(...fixtures));
    expect(tokenizer.padTokenId).toBe(padToken);
    for (const { text, times = 1, tokenCount, ids } of cases) {
      const whole = ids.split(' ').map(Number);
      const encoded = tokenizer.encode(text.repeat(times), { length: 77 });
      expect(Array.from(encoded.inputIds, Number), text).toEqual([
        ...whole,
        ...Array<number>(77 - whole.length).fill(padToken),
      ]);
      expect(encoded.truncated, text).toBe(tokenCount > 77);
      if (encoded.truncated) expect(encoded.tokenCount, text).toBeLessThanOrEqual(tokenCount);
      else expect(encoded.tokenCount, text).toBe(tokenCount);
    }
  });
});

describe('a tokenizer', () => {
  test('keeps the end of text last when it cuts', async () => {
    const tokenizer = await loadTokenizer(temporaryFolder('clip-tokenizer'));
    const { inputIds, tokenCount, truncated } = tokenizer.encode('put the corn in the pot '.repeat(1700), {
      length: 16,
    });
    expect(truncated).toBe(true);
    expect(tokenCount).toBeGreaterThan(10_000);
    expect(Number(inputIds[0])).toBe(tokenizer.startTokenId);
    expect(Number(inputIds[15])).toBe(tokenizer.endTokenId);
    expect(inputIds.slice(1, 15)).not.toContain(BigInt(tokenizer.endTokenId));
  });

  test('reads no further than the text tower does', async () => {
    const tokenizer = await loadTokenizer(temporaryFolder('clip-tokenizer'));
    const words = 'put the corn in the pot '.repeat(20_000);
    const letters = 'corn'.repeat(50_000);
    for (const [text, least] of [
      [words, 120_002],
      [letters, 17],
    ] as const) {
      const whole = tokenizer.encode(text, { length: 16 });
      expect(whole.tokenCount).toBe(least);
      expect(whole).toEqual({ ...tokenizer.encode(text.slice(0, 6000), { length: 16 }), tokenCount: least });
    }
  });

  test('reads a text that fits exactly without cutting', async () => {
    const tokenizer = await loadTokenizer(temporaryFolder('clip-tokenizer'));
    expect(tokenizer.encode('the '.repeat(75), { length: 77 })).toMatchObject({
      tokenCount: 77,
      truncated: false,
    });
    expect(tokenizer.encode('the '.repeat(76), { length: 77 })).toMatchObject({
      tokenCount: 78,
      truncated: true,
    });
  });

  test('says how many ids there are', async () => {
    const tokenizer = await loadTokenizer(temporaryFolder('clip-tokenizer'));
    expect(tokenizer).toMatchObject({ vocabSize: 762, startTokenId: 760, endTokenId: 761, padTokenId: 761 });
  });

  test('without a word list knows no unknown words', async () => {
    const tokenizer = await loadTokenizer(temporaryFolder('clip-tokenizer'));
    expect(tokenizer.knownWords).toBeUndefined();
    expect(tokenizer.unknownWords('put the zyzzyva')).toEqual([]);
  });

  test('tells the words that a model was never trained on, where somebody knows these', async () => {
    const trainedWords = new Set(['put', 'the']);
    const tokenizer = await loadTokenizer(temporaryFolder('clip-tokenizer'), { trainedWords });
    expect(tokenizer.unknownWords('Put the zyzzyva')).toEqual(['zyzzyva']);
  });

  test.each([1, 0, -3, 2.5, Number.NaN])('refuses the length %s', async (length) => {
    const tokenizer = await loadTokenizer(temporaryFolder('clip-tokenizer'));
    expect(() => tokenizer.encode('put', { length })).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(`${length}`) }),
    );
  });
});

describe('a tokenizer folder is refused, naming the file,', () => {
  const CASES: [string, (folder: string) => void, string][] = [
    ['when it is empty', (folder) => remove(folder, 'vocab.json', 'merges.txt'), 'found neither'],
    ['without merges.txt', (folder) => remove(folder, 'merges.txt'), 'merges.txt: missing'],
    [
      'when vocab.json is not JSON',
      (folder) => write(folder, 'vocab.json', '{"a": 1'),
      'vocab.json: not JSON',
    ],
    ['when vocab.json is a list', (folder) => write(folder, 'vocab.json', '["a"]'), 'vocab.json: the whole'],
    ['when an id is no number', (folder) => write(folder, 'vocab.json', '{"a": "b"}'), 'vocab.json: a:'],
    [
      'when an id is given twice',
      (folder) => write(folder, 'vocab.json', '{"<|startoftext|>":0,"<|endoftext|>":0}'),
      'vocab.json: expected one id for each of its 2 tokens',
    ],
    [
      'without the special tokens',
      (folder) => {
        write(folder, 'vocab.json', '{"a":0,"b":1}');
        write(folder, 'merges.txt', '#version: 0.2\n');
      },
      'vocab.json: expected the special token <|startoftext|>',
    ],
    [
      'when a merge is not a pair',
      (folder) => write(folder, 'merges.txt', '#version: 0.2\nt h\nth e </w>\n'),
      'merges.txt: line 3: expected two tokens, got "th e </w>"',
    ],
    [
      'when a merge makes no token',
      (folder) => write(folder, 'merges.txt', 'q q\n'),
      'merges.txt: the merge "q q" needs the token qq',
    ],
    [
      'when the padding is no token',
      (folder) => write(folder, 'special_tokens_map.json', '{"pad_token": "[PAD]"}'),
      'vocab.json: expected the special token [PAD]',
    ],
    [
      'when tokenizer_config.json is malformed',
      (folder) => write(folder, 'tokenizer_config.json', '{"pad_token": 3}'),
      'tokenizer_config.json: pad_token',
    ],
    [
      'when tokenizer.json is of another kind',
      (folder) => write(folder, 'tokenizer.json', '{"model": {"type": "Unigram"}}'),
      'tokenizer.json: ',
    ],
    [
      'when words.json is malformed',
      (folder) => write(folder, 'words.json', '{"words": [1]}'),
      'words.json: words.0',
    ],
  ];

  test.each(CASES)('%s', async (_, breakIt, message) => {
    const folder = temporaryFolder('clip-tokenizer');
    breakIt(folder);
    await expect(loadTokenizer(folder)).rejects.toThrow(
      expect.objectContaining({
        code: 'invalid-model-folder',
        message: expect.stringContaining(message),
      }),
    );
  });

  test('when it does not exist', async () => {
    await expect(loadTokenizer(join(temporaryFolder(), 'nowhere'))).rejects.toMatchObject({
      code: 'invalid-model-folder',
    });
  });
});

function remove(folder: string, ...names: string[]): void {
  for (const name of names) rmSync(join(folder, name));
}

function write(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}
