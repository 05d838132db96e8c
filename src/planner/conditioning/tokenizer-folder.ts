/** The files of a CLIP tokenizer folder, checked, in the form that the tokenizer library takes. */
import { join } from 'node:path';
import { z } from 'zod';
import { AidError } from '../errors.js';
import { clipTokenizerJson, END_OF_TEXT, START_OF_TEXT } from './clip-vocabulary.js';
import { readJson, readText } from './json-file.js';
import { readWordList } from './word-list.js';

export interface TokenizerFolder {
  /** The content of a `tokenizer.json`, with every special token among its `added_tokens`. */
  readonly tokenizerJson: Readonly<Record<string, unknown>>;
  /** Name of the file that holds the vocabulary, for messages. */
  readonly vocabularyFile: string;
  readonly padToken: string;
  /** The words of `words.json`, where there is one. */
  readonly knownWords: ReadonlySet<string> | undefined;
}

const addedTokenFlags = {
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().optional(),
  special: z.boolean().default(true),
};
const specialToken = z
  .union([z.string().min(1), z.object({ content: z.string().min(1), ...addedTokenFlags })])
  .transform((token) => (typeof token === 'string' ? { content: token, special: true } : token));
const specialTokens = z.looseObject({
  bos_token: specialToken.nullish(),
  eos_token: specialToken.nullish(),
  unk_token: specialToken.nullish(),
  pad_token: specialToken.nullish(),
});
const tokenizerConfig = specialTokens.extend({
  added_tokens_decoder: z
    .record(z.string().regex(/^\d+$/), z.object({ content: z.string().min(1), ...addedTokenFlags }))
    .optional(),
});
const vocabulary = z.record(z.string(), z.int().nonnegative());
const pair = z.union([
  z.tuple([z.string(), z.string()]),
  z.string().transform((line, context) => {
    const [first, second, ...rest] = line.split(' ');
    if (first && second && rest.length === 0) return [first, second] as const;
    context.addIssue({ code: 'custom', message: `expected two tokens, got ${JSON.stringify(line)}` });
    return z.NEVER;
  }),
]);
const addedToken = z.looseObject({
  id: z.int().nonnegative(),
  content: z.string().min(1),
  special: z.boolean().default(false),
});
const part = z.looseObject({ type: z.string() }).nullable();
const tokenizerFile = z.looseObject({
  added_tokens: z.array(addedToken).default([]),
  normalizer: part,
  pre_tokenizer: part,
  post_processor: part,
  decoder: part,
  model: z.looseObject({ type: z.literal('BPE'), vocab: vocabulary, merges: z.array(pair) }),
});
/**
 * Reads `tokenizer.json`, or else `vocab.json` and `merges.txt`; then, where they exist,
 * `tokenizer_config.json`, `special_tokens_map.json` and `words.json`.
 * Errors: `invalid-model-folder`, naming the file.
 */
export async function readTokenizerFolder(folder: string): Promise<TokenizerFolder> {
  const config = await readJson(join(folder, 'tokenizer_config.json'), tokenizerConfig);
  const map = await readJson(join(folder, 'special_tokens_map.json'), specialTokens);
  const knownWords = await readWordList(folder);
  const { json, file } = await readVocabulary(folder);

  // transformers' rule: a config with `added_tokens_decoder` is complete, an older one is overruled by the map.
  const named = { ...config, ...(config?.added_tokens_decoder === undefined ? map : {}) };
  const padToken = named.pad_token?.content ?? END_OF_TEXT;
  const added = new Map(json.added_tokens.map((token) => [token.content, token]));
  for (const [id, token] of Object.entries(config?.added_tokens_decoder ?? {})) {
    if (!added.has(token.content)) added.set(token.content, { ...token, id: Number(id) });
  }
  const specials = [named.bos_token, named.eos_token, named.unk_token, named.pad_token];
  for (const token of [...specials, { content: START_OF_TEXT }, { content: END_OF_TEXT }]) {
    if (token == null || added.has(token.content)) continue;
    const id = json.model.vocab[token.content];
    if (id === undefined)
      throw new AidError(
        'invalid-model-folder',
        `${file}: expected the special token ${token.content} in its vocabulary`,
      );
    added.set(token.content, { ...token, id, special: true });
  }
  return {
    tokenizerJson: { ...json, added_tokens: [...added.values()] },
    vocabularyFile: file,
    padToken,
    knownWords,
  };
}

async function readVocabulary(
  folder: string,
): Promise<{ json: z.infer<typeof tokenizerFile>; file: string }> {
  const whole = join(folder, 'tokenizer.json');
  const json = await readJson(whole, tokenizerFile);
  if (json !== undefined) return checkMerges(json, whole, whole);

  const vocabularyFile = join(folder, 'vocab.json');
  const vocab = await readJson(vocabularyFile, vocabulary);
  if (vocab === undefined)
    throw new AidError(
      'invalid-model-folder',
      `${folder}: expected tokenizer.json, or vocab.json and merges.txt, found neither`,
    );
  const mergesFile = join(folder, 'merges.txt');
  const text = await readText(mergesFile);
  if (text === undefined)
    throw new AidError('invalid-model-folder', `${mergesFile}: missing, and vocab.json needs it`);
  const lines = text.split(/\r?\n/).map((line, index) => ({ line: line.trim(), number: index + 1 }));
  const merges = lines
    .filter(({ line, number }) => line !== '' && !(number === 1 && line.startsWith('#version')))
    .map(({ line, number }) => {
      const parsed = pair.safeParse(line);
      if (parsed.success) return parsed.data;
      throw new AidError(
        'invalid-model-folder',
        `${mergesFile}: line ${number}: expected two tokens, got ${JSON.stringify(line.slice(0, 80))}`,
      );
    });
  const built = tokenizerFile.parse(clipTokenizerJson(vocab, merges));
  return checkMerges(built, vocabularyFile, mergesFile);
}

/** Every merge joins two tokens of the vocabulary to a third; no id is given twice. */
function checkMerges(
  json: z.infer<typeof tokenizerFile>,
  vocabularyFile: string,
  mergesFile: string,
): { json: z.infer<typeof tokenizerFile>; file: string } {
  const { vocab, merges } = json.model;
  const ids = new Set(Object.values(vocab));
  const tokens = Object.keys(vocab).length;
  if (ids.size !== tokens)
    throw new AidError(
      'invalid-model-folder',
      `${vocabularyFile}: expected one id for each of its ${tokens} tokens, got ${ids.size} different ids`,
    );
  for (const [first, second] of merges) {
    for (const token of [first, second, first + second]) {
      if (!Object.hasOwn(vocab, token))
        throw new AidError(
          'invalid-model-folder',
          `${mergesFile}: the merge "${first} ${second}" needs the token ${token}, which ${vocabularyFile} lacks`,
        );
    }
  }
  return { json, file: vocabularyFile };
}
