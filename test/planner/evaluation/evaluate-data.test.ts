import { cpSync, existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { evaluateData } from '#cli/evaluate-data.js';
import { silence } from '#cli/progress.js';
import { readSavedClip, readSavedRun } from '#planner/evaluation/saved-run.js';
import { simFingerprint } from '#planner/evaluation/scene-maker.js';
import { scoreRun } from '#planner/evaluation/score.js';
import { detectData } from '#planner/training/data/detect-data.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { aid } from '../../cli/run-aid.js';
import { describeWithSamples, samples } from '../../support/samples.js';
import { tinyModel } from '../../support/tiny-model.js';
import { putBags, temporaryFolder } from '../training/tiny-runs.js';
import { SCENES_FIXTURE } from './fake-sim.js';

const TOPIC_FLAGS = ['--image-topic', '/camera/color/compressed', '--instruction-topic', '/task'];
const CPU = ['--provider', 'cpu', '--threads', '1', '--steps', '1'];

describeWithSamples('aid evaluate --data', () => {
  it("imagines a user's episodes as told, with other noise, other words and none, and scores them", async () => {
    const [model, folder] = [await tinyModel(), temporaryFolder()];
    const config = join(folder, 'data.json');
    const topics = { image: '/camera/color/compressed', instruction: '/task' };
    writeFileSync(config, JSON.stringify({ bags: samples('bags', 'compressed'), topics }));
    const save = join(folder, 'run');
    const { exitCode, stdout, stderr } = await aid([
      'evaluate',
      '--model',
      model,
      '--data',
      config,
      '--save',
      save,
      '--given',
      '2',
      '--episodes',
      '3',
      ...CPU,
    ]);
    expect([exitCode, stderr.includes('skipped')]).toEqual([0, false]);
    expect(stdout).toMatch(/^psnr +[\d.]+ dB +95 %: .*, n = 3$/m);
    expect(stdout).toMatch(/^ +another command, the same noise$/m);
    const run = readSavedRun(save);
    expect(run).toMatchObject({
      data: expect.stringMatching(/^3 of 4 episodes in 2 bags \(\w{8}\) of .*compressed$/),
      video: { numFrames: 4, width: 32, height: 32, givenFrames: 2 },
    });
    for (const sample of run.samples) {
      expect(sample.clips.map(({ kind }) => kind)).toEqual(['commanded', 'another', 'swapped', 'blank']);
      const [commanded, another, swapped] = sample.clips;
      expect(commanded?.instruction).toBe(sample.instruction);
      expect(swapped?.instruction).not.toBe(sample.instruction);
      expect([another?.seed, swapped?.seed]).toEqual([(commanded?.seed ?? 0) + 1, commanded?.seed]);
    }
    // The table's colour at a corner of the truth.
    const [first] = await readSavedClip(run, run.samples[0]?.truth ?? '');
    expect([...(first?.data.subarray(0, 3) ?? [])]).toEqual([150, 120, 90]);
    const { sensitivity } = await scoreRun(run);
    expect(sensitivity.map(({ kind, byFrame }) => [kind, byFrame.length])).toEqual([
      ['swapped', 4],
      ['blank', 4],
      ['another', 4],
    ]);
  });

  it('names what it leaves out, and refuses what leaves too little or is saved nowhere', async () => {
    const [model, folder] = [await tinyModel(), temporaryFolder()];
    const args = ['evaluate', '--model', model, ...CPU];
    const nowhere = await aid([...args, '--data', samples('bridge')]);
    expect([nowhere.exitCode, nowhere.stderr]).toEqual([
      1,
      'aid: --data: expected --save DIR beside it, where the clips are kept\n',
    ]);
    const { exitCode, stderr } = await aid([
      ...args,
      '--data',
      samples('bridge'),
      '--save',
      join(folder, 'a'),
    ]);
    expect(exitCode).toBe(0);
    expect(stderr.match(/^aid: skipped: .*$/gm)).toHaveLength(4);
    const again = await aid([...args, '--data', samples('bridge'), '--save', join(folder, 'a')]);
    expect(again.stderr).toMatch(/a: holds a saved run already\n$/);
    const one = putBags(folder, ['good/episode-0', 'broken/empty']);
    const few = await aid([...args, '--data', one, '--save', join(folder, 'b')]);
    expect([few.exitCode, few.stderr]).toEqual([
      1,
      expect.stringMatching(/bags: expected at least 2 episodes that can be read, got 1; .*empty.*\n$/),
    ]);
    expect(existsSync(join(folder, 'b', 'run.json'))).toBe(false);
  });

  it('takes the topics of a folder from the command line, but not beside a config that has its own', async () => {
    const [model, folder] = [await tinyModel(), temporaryFolder()];
    const args = ['evaluate', '--model', model, ...CPU];
    const save = join(folder, 'run');
    const folderOfBags = ['--data', samples('bags', 'compressed'), ...TOPIC_FLAGS.slice(0, 2)];
    const long = ['--instruction', Array(100).fill('go').join(' ')];
    const { exitCode, stderr } = await aid([...args, ...folderOfBags, ...long, '--save', save]);
    expect(exitCode, stderr).toBe(0);
    expect(readSavedRun(save).samples).toHaveLength(2);
    // What the model said about them.
    expect(stderr).toMatch(
      /^aid: warning: the instruction has at least \d+ tokens; the model reads the first \d+$/m,
    );
    const config = join(folder, 'data.json');
    writeFileSync(config, JSON.stringify({ bags: samples('bags', 'compressed') }));
    const both = await aid([...args, '--data', config, ...TOPIC_FLAGS, '--save', join(folder, 'other')]);
    expect(both.stderr).toBe(`aid: --image-topic: of a folder; ${config} has keys of its own\n`);
  });

  it('does not go on with recordings that were written anew', async () => {
    const folder = temporaryFolder();
    const bags = join(folder, 'bags');
    putBags(folder);
    const planner = await VideoPlanner.load(await tinyModel(), { provider: 'cpu', threads: 1 });
    const save = join(folder, 'run');
    const stop = new AbortController();
    const options = {
      data: detectData(bags),
      save,
      facts: 'the same',
      sampling: { numInferenceSteps: 1 },
    };
    const progress = {
      ...silence,
      step: (done: number) => {
        if (done > 4) stop.abort();
      },
    };
    await expect(evaluateData(planner, options, progress, stop.signal)).rejects.toMatchObject({
      code: 'aborted',
    });
    const [first = ''] = readdirSync(bags);
    const later = new Date(Date.now() + 60_000);
    utimesSync(join(bags, first), later, later);
    await expect(evaluateData(planner, options, silence, new AbortController().signal)).rejects.toThrow(
      `${save}: holds part of an evaluation with other settings`,
    );
    await planner.dispose();
  });
});

it('aid evaluate --save keeps what it imagined of every scene', async () => {
  const [model, folder] = [await tinyModel(), temporaryFolder()];
  const scenes = join(folder, `128x128-${simFingerprint()}`);
  cpSync(SCENES_FIXTURE, scenes, { recursive: true });
  const list = JSON.parse(readFileSync(join(scenes, 'scenes.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(join(scenes, 'scenes.json'), JSON.stringify({ ...list, width: 128, height: 128 }));
  const save = join(folder, 'run');
  const args = [
    'evaluate',
    '--model',
    model,
    '--scenes',
    '10003:10005',
    '--cache',
    folder,
    '--seeds',
    '2',
    '--save',
    save,
  ];
  const { exitCode, stdout, stderr } = await aid([...args, '--json', ...CPU]);
  expect([exitCode, stderr]).toEqual([0, expect.any(String)]);
  const run = readSavedRun(save);
  expect(run.samples).toMatchObject([
    {
      name: 'scene 10003',
      family: 'push_right',
      clips: [
        { kind: 'commanded', seed: 10_003_000, followed: expect.any(Boolean) },
        { kind: 'another', seed: 10_003_001 },
        { kind: 'heldOut' },
        { kind: 'swapped' },
        { kind: 'blank', instruction: '' },
      ],
    },
  ]);
  const clip = run.samples[0]?.clips[0];
  expect(JSON.parse(stdout).commanded.following).toBe(clip?.followed === true ? 1 : 0);
  expect(existsSync(join(save, 'clips', clip?.file ?? ''))).toBe(true);
});
