import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, type Tokenizer } from '#planner/conditioning/tokenizer.js';
import { writeWordTokenizer } from '#planner/conditioning/word-tokenizer.js';
import { textFit, textProblems } from '#planner/training/text-fit.js';
import { TEMPLATE_WORDS } from '../../support/template-words.js';
import { sharedFolder } from './tiny-runs.js';

const WORDS = 'put push the red green cube on plate'.split(' ');
let tokenizer: Tokenizer;

beforeAll(async () => {
  const folder = join(sharedFolder(), 'tokenizer');
  await writeWordTokenizer(folder, [...new Set([...WORDS, ...TEMPLATE_WORDS])]);
  tokenizer = await loadTokenizer(folder);
});

describe("a data set's instructions", () => {
  it('that are read whole and known are no problem', () => {
    const fit = textFit(['put the red cube on the plate', 'push the green cube'], tokenizer, 16);
    expect(fit).toMatchObject({ clips: 2, cutClips: 0, longest: undefined, unknownWords: [] });
    expect(textProblems(fit)).toEqual([]);
  });

  it('that are cut are counted by clips, the longest named, also where only a state text is', () => {
    const long = 'put the red red red red red red cube on the plate';
    const instructions = [long, 'push the green cube', long];
    const fit = textFit(instructions, tokenizer, 12);
    expect(fit).toMatchObject({ clips: 3, length: 12, cutClips: 2 });
    expect(textProblems(fit)).toEqual([
      expect.stringMatching(
        /^2 of 3 clips have an instruction or a state text of more than 12 tokens, whose end is not read, such as ".*red red red red red red cube.*"$/,
      ),
    ]);
    // The instruction has 9 tokens with its ends; "the arm is away from the red cube" has 10.
    const short = textFit(['put the red cube on the plate'], tokenizer, 9);
    expect(tokenizer.encode('put the red cube on the plate', { length: 9 }).truncated).toBe(false);
    expect(short.cutClips).toBe(1);
  });

  it('of words that are not in the list are counted by word', () => {
    const fit = textFit(['put the wrench on the plate', 'push the wrench', 'push the anvil'], tokenizer, 40);
    expect(fit.unknownWords).toEqual([
      ['wrench', 2],
      ['anvil', 1],
    ]);
    expect(textProblems(fit)).toEqual([
      "words that are not in the tokenizer's list, and in how many clips: wrench (2), anvil (1)",
    ]);
  });
});
