import { expect, it } from 'vitest';
import { trainedWords } from '#planner/training/trained-words.js';

it('a model is trained on the words of its instructions and of the states made of them', () => {
  const instructions = ['Put the cube on the plate.', 'Put the cube on the plate.'];
  expect(trainedWords(instructions, { states: false })).toEqual(['.', 'cube', 'on', 'plate', 'put', 'the']);
  expect(trainedWords(instructions, { states: true })).toEqual(
    '. arm away cube from holds is moves on plate put the to'.split(' '),
  );
});

it('what its base was trained on counts', () => {
  expect(trainedWords(['push it'], { states: false, known: ['corn'] })).toEqual(['corn', 'it', 'push']);
});
