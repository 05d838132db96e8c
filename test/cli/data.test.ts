import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decodeFrame } from '#planner/conditioning/frame.js';
import { readDataConfig } from '#planner/training/run-config.js';
import { RECIPES, temporaryFolder, writeConfig } from '../planner/training/tiny-runs.js';
import { describeWithSamples, samples } from '../support/samples.js';
import { TEMPLATE_WORDS } from '../support/template-words.js';
import { tinyModel } from '../support/tiny-model.js';
import { aid } from './run-aid.js';

describeWithSamples('aid data inspect', () => {
  const topics = ['--image-topic', '/camera/color/compressed', '--instruction-topic', '/task'];

  it('tells what a run would use, what it would skip and why, and draws it', async () => {
    const sheet = join(temporaryFolder(), 'sheet.png');
    const bags = samples('bags', 'compressed');
    const { exitCode, stdout } = await aid([
      'data',
      'inspect',
      bags,
      ...topics,
      '--frames',
      '4',
      '--sheet',
      sheet,
      '--size',
      '64x48',
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`${bags}: 2 bags (`);
    for (const line of [
      '  episodes      4 usable, 0 skipped',
      '  pictures      64x48; 6 to 8 an episode, 10.0 a second',
      '  a clip        4 frames; of 8 these: 0 2 5 7',
      '  instructions  2 different ones of 11 words',
      '                2 x "put the red cube on the plate"',
    ])
      expect(stdout.split('\n')).toContain(line);
    // Four clips of four frames, two pixels between them.
    const { width, height, data } = await decodeFrame(sheet);
    expect([width, height]).toEqual([4 * 64 + 6, 4 * 48 + 6]);
    const red = data.subarray((25 * width + 5) * 3, (25 * width + 5) * 3 + 3);
    expect([...red]).toEqual([220, 40, 40]);
  });

  it('names what it skips, in lines and in JSON', async () => {
    const bags = samples('bags', 'broken');
    const { exitCode, stdout } = await aid(['data', 'inspect', bags, ...topics]);
    expect([exitCode, stdout.match(/^ {2}\/.*$/gm)?.length]).toEqual([0, 7]);
    expect(stdout).toContain(`  ${bags}/silent: no instruction on /task\n`);
    const json = await aid(['data', 'inspect', bags, ...topics, '--json']);
    const { episodes, skipped } = JSON.parse(json.stdout);
    expect(episodes).toMatchObject([{ instruction: 'fold the cloth', frameCount: 4, width: 64, height: 48 }]);
    expect(skipped).toHaveLength(7);
  });

  it("takes a run's config, or one of the data alone", async () => {
    const folder = temporaryFolder();
    const config = join(folder, 'data.json');
    writeFileSync(
      config,
      JSON.stringify({ lerobot: samples('lerobot', 'v3-image'), camera: 'observation.images.top' }),
    );
    const { exitCode, stdout } = await aid(['data', 'inspect', config]);
    expect([exitCode, stdout.split('\n')[1]]).toEqual([0, '  episodes      2 usable, 0 skipped']);
    const moved = join(folder, 'adapt.json');
    copyFileSync('models/training/adapt.json', moved);
    const run = await aid(['data', 'inspect', moved]);
    expect(run.stderr).toMatch(/runs\/episodes: no such folder\n$/);
    writeFileSync(config, JSON.stringify({ lerobot: 'x', cam: 'top' }));
    const odd = await aid(['data', 'inspect', config]);
    expect(odd.stderr).toMatch(/^aid: .*data.json: .*Unrecognized key: "cam"/);
  });

  it("tells which words and texts the run's model does not read", async () => {
    const folder = temporaryFolder();
    const data = {
      bags: samples('bags', 'own-message'),
      topics: { image: '/camera/color/compressed', instruction: '/task' },
      instructionField: 'goal.words',
    };
    const texts = { ...RECIPES.adapt.aid, text_length: 9 };
    const changes = { base: await tinyModel(), words: undefined, text_encoder: undefined, data, aid: texts };
    const config = writeConfig(folder, 'adapt', {}, changes);
    const { exitCode, stdout } = await aid(['data', 'inspect', config]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^ {2}warning {7}2 of 2 clips have an instruction or a state text of more than 9 tokens, whose end is not read, such as ".*"$/m,
    );
    const json = await aid(['data', 'inspect', config, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ textFit: { clips: 2, cutClips: 2, unknownWords: [] } });
    // "stack the blue block" is known; "see nothing" is not.
    const broken = writeConfig(
      folder,
      'adapt',
      { output: 'other' },
      { ...changes, data: { bags: samples('bags', 'broken'), topics: data.topics } },
    );
    expect((await aid(['data', 'inspect', broken])).stdout).toContain(
      "  warning       words that are not in the tokenizer's list, and in how many clips: cloth (1), fold (1)\n",
    );
  });

  it('tells the same of a run whose tokenizer is still to be made of its words', async () => {
    expect(readDataConfig('models/training/adapt.json').texts?.words).toContain('plate');
    const data = {
      bags: samples('bags', 'broken'),
      topics: { image: '/camera/color/compressed', instruction: '/task' },
    };
    const changes = { base: 'not-trained-yet', words: ['cloth', ...TEMPLATE_WORDS], data };
    const config = writeConfig(temporaryFolder(), 'adapt', {}, changes);
    const { stdout } = await aid(['data', 'inspect', config]);
    expect(stdout).toContain(
      "  warning       words that are not in the tokenizer's list, and in how many clips: fold (1)",
    );
  });

  it('takes 12 frames of videos with a caption each, and 16 of those with a sentence for each class', async () => {
    for (const [folder, captions, line] of [
      ['ssv2', 'train.json', '  a clip        12 frames; of 14 these: 0 1 2 4 5 6 7 8 9 11 12 13'],
      [
        'ucf',
        'classes.json',
        '  a clip        16 frames; of 16 these: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15',
      ],
    ] as const) {
      const { stdout } = await aid([
        'data',
        'inspect',
        samples('videos', folder),
        '--captions',
        samples('videos', folder, captions),
      ]);
      expect(stdout.split('\n')).toContain(line);
    }
  });

  it('ends with status 1 when nothing can be used, and writes no sheet', async () => {
    const sheet = join(temporaryFolder(), 'sheet.png');
    const { exitCode, stderr } = await aid([
      'data',
      'inspect',
      samples('bags', 'broken', 'silent'),
      ...topics,
      '--sheet',
      sheet,
    ]);
    expect([exitCode, existsSync(sheet)]).toEqual([1, false]);
    expect(stderr).toMatch(/silent: nothing in it can be used\n$/);
  });
});
