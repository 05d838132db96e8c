import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scoreLines } from '#cli/score-table.js';
import type { Frame } from '#planner/conditioning/frame.js';
import { pictureDistance } from '#planner/evaluation/feature-scores.js';
import { FeatureNetwork } from '#planner/evaluation/features/feature-network.js';
import type { FeatureSet } from '#planner/evaluation/features/feature-set.js';
import { frechetDistance } from '#planner/evaluation/features/frechet-distance.js';
import { jackknifeInterval } from '#planner/evaluation/features/jackknife.js';
import { comparedFrames, protocolOf } from '#planner/evaluation/features/protocols.js';
import { decibels, meanSquaredError, ssim } from '#planner/evaluation/metrics.js';
import type { RunScores, Score } from '#planner/evaluation/run-scores.js';
import { RunWriter, readSavedClip, readSavedRun, type SavedRun } from '#planner/evaluation/saved-run.js';
import { scoreRun } from '#planner/evaluation/score.js';
import { readScores, writeScores } from '#planner/evaluation/scores-file.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { readFloats, readSafetensorsHeader, readTensorBytes } from '#planner/weights/safetensors.js';
import { aid } from '../../cli/run-aid.js';
import { sharedFolder, temporaryFolder } from '../training/tiny-runs.js';

const stored = readSafetensorsHeader('test/planner/evaluation/fixtures/features.safetensors');
const weights = (name: string): string => resolve('test/fixtures/more-goldens', name, 'weights.safetensors');
const [I3D, INCEPTION] = [weights('i3d-narrow'), weights('inception-v3-narrow')];
const [CLIPS = 0, FRAMES = 0, HEIGHT = 0, WIDTH = 0] = stored.get('truth')?.shape ?? [];
const expected = (name: string): number => readFloats(stored.get(name) as never)[0] as number;

function clipsOf(name: string): Frame[][] {
  const bytes = readTensorBytes(stored.get(name) as never);
  const size = WIDTH * HEIGHT * 3;
  return Array.from({ length: CLIPS }, (_, clip) =>
    Array.from({ length: FRAMES }, (_, frame) => {
      const from = (clip * FRAMES + frame) * size;
      return { width: WIDTH, height: HEIGHT, data: bytes.slice(from, from + size) };
    }),
  );
}

const engine = new OnnxRuntimeEngine({ threads: 1 });
afterAll(() => engine.dispose());
const folder = join(sharedFolder(), 'run');
const [truth, made] = [clipsOf('truth'), clipsOf('made')];
let run: SavedRun;

async function save(folderOfRun: string, clips: readonly (readonly Frame[])[]): Promise<SavedRun> {
  const writer = await RunWriter.open<null>(folderOfRun, 'made-up');
  for (const [index, frames] of clips.entries()) {
    const said = { instruction: `do ${index}`, seed: index };
    const other = clips[(index + 1) % clips.length] as readonly Frame[];
    await writer.add(
      {
        name: `sample ${index}`,
        instruction: `do ${index}`,
        truth: truth[index] as Frame[],
        clips: [
          { kind: 'commanded', ...said, frames },
          { kind: 'swapped', ...said, frames: other },
          { kind: 'blank', ...said, frames },
        ],
      },
      null,
    );
  }
  await writer.end({
    data: 'made-up clips',
    model: { path: '/models/x', sha256: 'ab' },
    engine: { name: 'onnxruntime', provider: 'cpu', threads: 1 },
    sampling: { sampler: 'euler', numInferenceSteps: 8 },
    statesWrittenBy: 'template',
    video: { numFrames: FRAMES, width: WIDTH, height: HEIGHT, framesPerSecond: 5, givenFrames: 1 },
    protocol: ['made up'],
    warnings: [],
  });
  await writer.close();
  return readSavedRun(folderOfRun);
}

beforeAll(async () => {
  run = await save(folder, made);
});

describe('a saved run', () => {
  it('gives back every frame as it was', async () => {
    for (const [index, sample] of run.samples.entries()) {
      expect(await readSavedClip(run, sample.truth)).toEqual(truth[index]);
      expect(await readSavedClip(run, sample.clips[0]?.file ?? '')).toEqual(made[index]);
    }
  });

  it('is not written over, and not there before its end', async () => {
    await expect(RunWriter.open(folder, 'made-up')).rejects.toThrow(`${folder}: holds a saved run already`);
    const half = join(temporaryFolder(), 'half');
    const writer = await RunWriter.open<number>(half, 'a');
    await writer.add({ name: 'a', instruction: 'b', truth: truth[0] as Frame[], clips: [] }, 1);
    expect(() => readSavedRun(half)).toThrow(`${half}: no run.json`);
    await writer.close();
  });

  it('that was stopped goes on from the samples that it has, and with the same settings only', async () => {
    const half = join(temporaryFolder(), 'half');
    const first = await RunWriter.open<number>(half, 'a');
    await first.add({ name: 'one', instruction: 'b', truth: truth[0] as Frame[], clips: [] }, 1);
    await expect(RunWriter.open(half, 'a')).rejects.toThrow(`${half}: in use by process ${process.pid}`);
    await first.close();
    await expect(RunWriter.open(half, 'b')).rejects.toThrow(
      `${half}: holds part of an evaluation with other settings; choose another folder, or delete it`,
    );
    const second = await RunWriter.open<number>(half, 'a');
    expect([second.size, second.known('one'), second.known('two')]).toEqual([1, 1, undefined]);
    await second.add({ name: 'two', instruction: 'b', truth: truth[1] as Frame[], clips: [] }, 2);
    const { format: _format, samples: _samples, folder: _folder, sha256: _sha256, ...about } = run;
    await second.end(about);
    await second.close();
    const whole = readSavedRun(half);
    expect(whole.samples.map(({ name }) => name)).toEqual(['one', 'two']);
    for (const [index, sample] of whole.samples.entries())
      expect(await readSavedClip(whole, sample.truth)).toEqual(truth[index]);
    expect(readdirSync(half).sort()).toEqual(['clips', 'run.json']);
  });

  it('holds the samples that its text counts and no others', async () => {
    const part = join(temporaryFolder(), 'part');
    const writer = await RunWriter.open<null>(part, 'a');
    for (const name of ['one', 'two', 'three'])
      await writer.add({ name, instruction: 'b', truth: truth[0] as Frame[], clips: [] }, null);
    const { format: _format, samples: _samples, folder: _folder, sha256: _sha256, ...about } = run;
    await writer.end(about, ['three', 'one']);
    await writer.close();
    expect(readSavedRun(part).samples.map(({ name }) => name)).toEqual(['three', 'one']);
  });
});

describe('scores by a network', () => {
  let scores: RunScores;
  const score = (name: Score['name'], protocol = ''): Score =>
    scores.scores.find((each) => each.name === name && each.protocol.startsWith(protocol)) as Score;

  beforeAll(async () => {
    const i3d = await FeatureNetwork.load(engine, 'i3d', I3D);
    const inception = await FeatureNetwork.load(engine, 'inception-v3', INCEPTION);
    scores = await scoreRun(run, {
      i3d,
      inception,
      protocols: ['seer', 'videogpt', 'stylegan-v'],
      resamples: 20,
      fidResamples: 4,
    });
    await i3d.release();
    await inception.release();
  });

  it.each([
    ['fvd', 'seer', 'seer/fvd'],
    ['kvd', 'seer', 'seer/kvd'],
    ['kvd_seer', 'seer', 'seer/kvd_seer'],
    // The same pictures and covariance as Seer's, which comes from it.
    ['fvd', 'videogpt', 'seer/fvd'],
    ['fvd', 'stylegan-v', 'stylegan-v/fvd'],
    ['kvd', 'stylegan-v', 'stylegan-v/kvd'],
    ['fid', '', 'fid'],
  ] as const)(
    '%s by %s is what PyTorch works out of the same clips, from the pixels on',
    (name, protocol, key) => {
      const want = expected(key);
      expect(Math.abs(score(name, protocol).value - want)).toBeLessThan(1e-3 * Math.abs(want));
    },
  );

  it('the protocols differ: a number means nothing without its own', () => {
    expect(score('fvd', 'stylegan-v').value).not.toBeCloseTo(score('fvd', 'seer').value, 3);
    expect(score('kvd').value).not.toBeCloseTo(score('kvd_seer').value, 3);
  });

  it('come with protocol, sample count, resize, weight hash, seed and interval', () => {
    const { value, interval = [0, 0], ...fvd } = score('fvd', 'seer');
    expect(fvd).toEqual({
      name: 'fvd',
      of: 'commanded clips and the truth',
      unit: '',
      protocol:
        'seer: given frames included, the true ones on both sides, covariance unbiased, 40 logits averaged over time, colours rounded to 8 bits, not truncated, interval by a jackknife that leaves out clips with their truth',
      sampleCount: CLIPS,
      resize: 'shorter side to 224, centre, bilinear',
      weightsSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      intervalBy: 'jackknife',
      // Each of the clips.
      resamples: CLIPS,
      seed: 1,
    });
    expect(interval[0]).toBeLessThan(value);
    expect(interval[1]).toBeGreaterThan(value);
    expect(score('fid')).toMatchObject({ sampleCount: CLIPS * (FRAMES - 1), resamples: 4 });
    expect(score('fid').weightsSha256).not.toBe(score('fvd').weightsSha256);
  });

  it('a protocol tells what keeps its numbers from being compared with published ones', () => {
    expect(score('fvd', 'stylegan-v').protocol).toMatch(
      /^stylegan-v: given frames left out, covariance biased, .*, published numbers are those of other weights, i3d_torchscript.pt$/,
    );
  });

  it('are told to people with all that they depend on', () => {
    const lines = scoreLines(run, { ...scores, notMeasured: [{ name: 'kvd', protocol: 'x', reason: 'so' }] });
    expect(lines.find((line) => line.startsWith('fvd'))).toMatch(/^fvd +[\d.e+]+ +95 %: .* n = 7$/);
    expect(lines.join('\n')).toContain('seer: given frames included, the true ones on both sides');
    expect(lines.at(-1)).toBe('kvd         not measured by x: so');
  });

  it('a protocol that these clips do not allow is told, and the rest is measured', async () => {
    const i3d = await FeatureNetwork.load(engine, 'i3d', I3D);
    const twoGiven = { ...run, video: { ...run.video, givenFrames: 2 } };
    const { scores: rest, notMeasured } = await scoreRun(twoGiven, { i3d, protocols: ['stylegan-v'] });
    const reason = 'expected clips of at least 9 frames to compare, got 8';
    expect(notMeasured).toEqual([
      { name: 'fvd', protocol: 'stylegan-v', reason },
      { name: 'kvd', protocol: 'stylegan-v', reason },
    ]);
    expect(rest.map(({ name }) => name)).toEqual(['psnr', 'ssim', 'sensitivity', 'sensitivity']);
  });

  it('of given frames compare the true ones, not what the model made of them', () => {
    const [clip, real] = [made[0] as Frame[], truth[0] as Frame[]];
    const seer = comparedFrames(clip, real, 2, protocolOf('seer'));
    expect(seer).toEqual([...real.slice(0, 2), ...clip.slice(2)]);
    expect(comparedFrames(clip, real, 2, protocolOf('stylegan-v'))).toEqual(clip.slice(2));
  });

  it('weights of another network are refused', async () => {
    await expect(FeatureNetwork.load(engine, 'i3d', INCEPTION)).rejects.toThrow(
      /expected i3d's weights, with a tensor Conv3d_1a_7x7.conv3d.weight$/,
    );
  });
});

it('the interval of FID is that of clips, whose frames are left out together', async () => {
  // One feature of a picture; all frames of a clip have the same.
  const [ofTruth, ofClips] = [
    [0, 1, 2, 3, 4, 5, 6],
    [9, 2, 7, 4, 8, 1, 5],
  ];
  const perClip = FRAMES - 1;
  const sets = [ofTruth, ofClips].map((values) => ({
    count: CLIPS * perClip,
    width: 1,
    values: Float64Array.from(values.flatMap((value) => Array(perClip).fill(value))),
  })) as [FeatureSet, FeatureSet];
  const answers = [...sets];
  const inception = {
    sha256: '',
    async features(pictures: AsyncIterable<unknown>) {
      for await (const _ of pictures);
      return answers.shift();
    },
  } as unknown as FeatureNetwork;
  const { value, interval } = await pictureDistance(run, inception, { resamples: 10, seed: 1 });
  const distance = (kept: readonly number[]): number => frechetDistance(...sets, { kept });
  const by = (rowsPerSample: number) =>
    jackknifeInterval(value, CLIPS * perClip, distance, { groups: 10, seed: 1, rowsPerSample });
  expect(value).toBeCloseTo(frechetDistance(...sets), 12);
  expect(interval).toEqual(await by(perClip));
  expect(interval).not.toEqual(await by(1));
});

describe('scores of pixels', () => {
  it('PSNR, SSIM and sensitivity are those of the clips', async () => {
    const { scores, samples, sensitivity, psnrByFrame } = await scoreRun(run);
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;
    const psnrs = made.map((clip, index) => decibels(meanSquaredError(clip, truth[index] as Frame[])));
    expect(samples.map((each) => each.psnr)).toEqual(psnrs.map((value) => expect.closeTo(value, 9)));
    expect(scores[0]).toMatchObject({
      name: 'psnr',
      value: expect.closeTo(mean(psnrs), 9),
      sampleCount: CLIPS,
    });
    const ssims = made.map((clip, index) => ssim(clip, truth[index] as Frame[]));
    expect(scores[1]).toMatchObject({ name: 'ssim', value: expect.closeTo(mean(ssims), 9) });
    expect(psnrByFrame).toHaveLength(FRAMES);
    // The blank clips are the commanded ones: no change anywhere.
    expect(sensitivity.map(({ kind, count }) => [kind, count])).toEqual([
      ['swapped', CLIPS],
      ['blank', CLIPS],
    ]);
    expect(sensitivity[1]?.byFrame).toEqual(Array(FRAMES).fill(0));
    expect(Math.min(...(sensitivity[0]?.byFrame ?? []))).toBeGreaterThan(1);
    expect(sensitivity[1]?.byPlace).toMatchObject({ width: WIDTH, height: HEIGHT, largest: 0 });
    // The mean over places is that over the frames that were not given.
    const { byFrame = [], byPlace } = sensitivity[0] ?? {};
    const cells = [...Buffer.from(byPlace?.cells ?? '', 'base64')];
    const whole = (mean(cells) * (byPlace?.largest ?? 0)) / 255;
    expect(cells).toHaveLength(WIDTH * HEIGHT);
    expect(Math.abs(whole - mean(byFrame.slice(1)))).toBeLessThan(0.1);
  });

  it('a clip that is the truth is told as such, not as a number', async () => {
    const perfect = await save(join(temporaryFolder(), 'perfect'), truth);
    const { samples } = await scoreRun(perfect);
    expect(samples[0]?.psnrByFrame).toEqual(Array(FRAMES).fill(null));
  });
});

describe('scores.json', () => {
  const saved = (name: string): Promise<SavedRun> => save(join(temporaryFolder(), name), made);

  it('gives back what was measured, also of clips that are the truth', async () => {
    const perfect = await save(join(temporaryFolder(), 'perfect'), truth);
    expect(readScores(perfect)).toBeUndefined();
    const scores = await scoreRun(perfect);
    expect(scores.samples[0]?.psnr).toBe(Number.POSITIVE_INFINITY);
    await writeScores(perfect, scores);
    expect(readScores(perfect)).toEqual(scores);
  });

  it('of a run that was there before is refused', async () => {
    const run = await saved('run');
    await writeScores(run, {
      ...(await scoreRun(run)),
      run: { sha256: 'x', modelSha256: 'old', data: 'd', sampling: {} },
    });
    expect(() => readScores(run)).toThrow(
      `${join(run.folder, 'scores.json')}: of another run than the one that is there now (model old, d); "aid score" makes it anew`,
    );
  });

  it.each(['{', 'null', '[]', '{"scores": []}'])('that is %s is refused in one line', async (content) => {
    const run = await saved('run');
    writeFileSync(join(run.folder, 'scores.json'), content);
    expect(() => readScores(run)).toThrow(
      expect.objectContaining({
        code: 'invalid-data',
        message: expect.stringMatching(/scores.json: .*; "aid score" makes it anew$/),
      }),
    );
  });
});

describe('aid score', () => {
  it('scores a saved run and keeps the scores beside it', async () => {
    const args = [
      'score',
      folder,
      '--i3d',
      I3D,
      '--protocol',
      'seer',
      '--resamples',
      '3',
      '--provider',
      'cpu',
    ];
    const { exitCode, stdout, stderr } = await aid([...args, '--json']);
    expect([exitCode, stderr]).toEqual([0, '']);
    const scores = JSON.parse(stdout) as RunScores;
    expect(scores.scores.map(({ name }) => name).slice(-3)).toEqual(['fvd', 'kvd', 'kvd_seer']);
    expect(JSON.parse(readFileSync(join(folder, 'scores.json'), 'utf8'))).toEqual(scores);
    expect(scores.run).toEqual({
      sha256: createHash('sha256')
        .update(readFileSync(join(folder, 'run.json')))
        .digest('hex'),
      modelSha256: 'ab',
      data: 'made-up clips',
      sampling: { sampler: 'euler', numInferenceSteps: 8 },
    });
    expect(readScores(readSavedRun(folder))).toEqual(scores);
  });

  it('a folder without a run is one clear line', async () => {
    const { exitCode, stderr } = await aid(['score', '/nowhere']);
    expect([exitCode, stderr]).toEqual([
      1,
      'aid: /nowhere: no run.json; "aid evaluate --save" makes such a folder\n',
    ]);
  });
});
