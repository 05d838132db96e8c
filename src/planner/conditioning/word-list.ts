/** `words.json`: in `tokenizer/` the words that are one token each, in `aid/` those that were seen in training. */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from './json-file.js';

const wordList = z.object({ words: z.array(z.string().min(1)).readonly() });
export type WordList = z.infer<typeof wordList>;

/** The words of a folder, undefined where it has no list. Errors: `invalid-model-folder`, naming the file. */
export async function readWordList(folder: string): Promise<ReadonlySet<string> | undefined> {
  const list = await readJson(join(folder, 'words.json'), wordList);
  return list === undefined ? undefined : new Set(list.words);
}
