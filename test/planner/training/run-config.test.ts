import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fingerprintOf, readDataConfig, readRunConfig } from '#planner/training/run-config.js';
import { type RecipeName, temporaryFolder, writeConfig } from './tiny-runs.js';

/** The recipe of a config file in which some keys are changed, and those that are undefined left out. */
function recipeOf(name: RecipeName, changes: Record<string, unknown>, folder = temporaryFolder()) {
  return readRunConfig(writeConfig(folder, name, {}, changes)).recipe;
}

const withoutFrames = { numFrames: undefined, framesPerEpisode: undefined };

describe('the frames of a clip, where a config does not say,', () => {
  it.each([
    ['bags', { bags: 'bags' }],
    ['BridgeData V2', { bridge: 'bridge' }],
    ['LeRobot', { lerobot: 'lerobot' }],
  ])('are 16 of %s', (_, data) => {
    expect(recipeOf('backbone', { ...withoutFrames, data })).toMatchObject({ numFrames: 16 });
    expect(recipeOf('autoencoder', { ...withoutFrames, data })).toMatchObject({ framesPerEpisode: 16 });
  });

  it.each([
    [
      '12 of videos with labels, as Something-Something V2 has them',
      'a.json',
      '[{"id": "1", "label": "x"}]',
      12,
    ],
    ['12 of videos with narrations, as EPIC-KITCHENS has them', 'a.csv', 'video_id,narration\n1,x\n', 12],
    ['16 of videos with a sentence for each class, as UCF-101 needs it', 'a.json', ' {"Archery": "x"}', 16],
    ['12 of videos whose captions are not there', 'b.json', undefined, 12],
  ])('are %s', (_, name, content, expected) => {
    const folder = temporaryFolder();
    if (content !== undefined) writeFileSync(join(folder, name), content);
    const data = { videos: 'videos', captions: name };
    expect(recipeOf('backbone', { ...withoutFrames, data }, folder)).toMatchObject({ numFrames: expected });
    const file = writeConfig(folder, 'backbone', {}, { ...withoutFrames, data });
    expect(readDataConfig(file).numFrames).toBe(expected);
    expect(recipeOf('backbone', { numFrames: 9, data }, folder)).toMatchObject({ numFrames: 9 });
  });

  it('are as if the config had said so: the run is the same', () => {
    const folder = temporaryFolder();
    const [said, unsaid] = [{ numFrames: 16 }, withoutFrames].map((changes) =>
      fingerprintOf(readRunConfig(writeConfig(folder, 'backbone', {}, changes))),
    );
    expect(unsaid).toBe(said);
  });

  it('are not what a config with other mistakes is told about', () => {
    expect(() => recipeOf('backbone', { ...withoutFrames, data: { bags: 'bags', topic: '/x' } })).toThrow(
      /recipe\.data: Unrecognized key: "topic"/,
    );
  });
});

describe('given frames', () => {
  it.each([1, 2, 5, [1, 2, 5]])('%j of 16 are accepted', (givenFrames) => {
    expect(recipeOf('backbone', { numFrames: 16, givenFrames })).toMatchObject({ givenFrames });
  });

  it.each([
    [20, 20],
    [16, 16],
    [[1, 20], 20],
  ])('%j of 16 are refused before anything starts', (givenFrames, got) => {
    for (const name of ['backbone', 'adapt'] as const)
      expect(() => recipeOf(name, { numFrames: 16, givenFrames })).toThrow(
        new RegExp(`recipe\\.givenFrames: expected fewer than numFrames, 16, got ${got}$`),
      );
  });
});

it.each(['autoencoder', 'backbone', 'adapt'] as const)('a key that no %s run has is refused', (name) => {
  const folder = temporaryFolder();
  const file = writeConfig(folder, name);
  const config = JSON.parse(readFileSync(file, 'utf8')) as { recipe: object };
  writeFileSync(file, JSON.stringify({ ...config, recipe: { ...config.recipe, numFrame: 3 } }));
  expect(() => readRunConfig(file)).toThrow(/Unrecognized key: "numFrame"/);
});
