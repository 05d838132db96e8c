import { expect, it, onTestFinished } from 'vitest';
import { evaluationTable } from '#cli/evaluate-table.js';
import { type EvaluateOptions, evaluate, warmUp } from '#planner/evaluation/evaluate.js';
import type { EvaluationReport } from '#planner/evaluation/report.js';
import type { Scene } from '#planner/evaluation/scene-set.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { tinyModel } from '../../support/tiny-model.js';
import { picture } from '../conditioning/pictures.js';
import {
  colour,
  copyFirst,
  fakePlanner,
  fakeSet,
  grey,
  greyScene,
  type Imagination,
  truth,
} from './fakes.js';

const SCENES = [
  greyScene(10_000, { clip: [0, 10, 20, 30], others: [5, 90] }),
  greyScene(10_001, { clip: [50, 50, 50, 60], others: [100, 150, 200], family: 'stack' }),
];

async function figures(
  imagination: Imagination,
  options: Partial<EvaluateOptions> = {},
  scenes: readonly Scene[] = SCENES,
): Promise<EvaluationReport> {
  const planner = fakePlanner(scenes, imagination);
  for await (const event of evaluate(planner, { set: fakeSet(scenes), ...options }))
    if (event.kind === 'end') return event.report;
  throw new Error('no end');
}

const dB = (mse: number): number => 10 * Math.log10(255 ** 2 / mse);

it('gives every mark to a planner that imagines what truly happens', async () => {
  const report = await figures(truth);
  const all = { following: 1, followingByColour: 0, meanRank: 1, count: 2 };
  expect(report).toMatchObject({
    instructionFollowing: 1,
    chance: (1 / 3 + 1 / 4) / 2,
    psnr: Infinity,
    psnrMean: Infinity,
    ceilingPsnr: Infinity,
    ssim: 1,
    ssimMean: 1,
    instructionFollowingMean: { mean: 1 },
    commanded: all,
    heldOutWordings: all,
    swapped: { ...all, originalNearest: 0 },
    blank: all,
    ceilingFollowing: 1,
    seeds: 4,
    scenes: { count: 2, seeds: { from: 10_000, to: 10_002 } },
  });
  expect(report.perFamily).toMatchObject({
    put: { following: 1, count: 1, chance: 1 / 3 },
    stack: { following: 1, count: 1, chance: 1 / 4 },
  });
  // 2 of 2 scenes are not all scenes: 2 / (2 + z^2).
  expect(report.instructionFollowingMean.interval).toEqual([expect.closeTo(0.3423802, 6), 1]);
});

it('tells of every number how far it may lie from that of all scenes', async () => {
  const manner = { sampler: 'euler', frameGuidance: 1, textGuidance: 2, numInferenceSteps: 8 } as const;
  const scenes = [
    greyScene(10_000, { clip: [0, 10, 20, 30], again: [0, 20, 20, 30], others: [5, 90] }),
    greyScene(10_001, { clip: [50, 50, 50, 60], again: [50, 50, 50, 90], others: [100, 150, 200] }),
  ];
  const report = await figures(copyFirst, { sweep: [manner] }, scenes);
  const [first, second] = [dB(350), dB(25)];
  const psnr = [expect.closeTo(first, 9), expect.closeTo(second, 9)];
  const half = [expect.closeTo(0.0945312, 6), expect.closeTo(1 - 0.0945312, 6)];
  expect(report.intervals).toMatchObject({
    chance: [1 / 4, 1 / 3],
    psnr,
    psnrMean: psnr,
    copyFirstPsnr: psnr,
    copyFirstSsim: report.intervals.ssim,
    ceilingSsim: [1, 1],
    copyFirstFollowing: half,
    ceilingFollowing: [expect.closeTo(0.3423802, 6), 1],
  });
  expect(report.commanded.intervals).toEqual({
    followingByColour: [0, expect.closeTo(1 - 0.3423802, 6)],
    meanRank: [1, 2],
    meanMargin: [expect.closeTo(-875 / 925, 9), expect.closeTo(2400 / 2600, 9)],
  });
  expect(report.swapped.intervals.originalNearest).toEqual(half);
  expect(report.blank?.intervals.psnr).toEqual(psnr);
  expect(report.perFamily.put?.intervals.psnrMean).toEqual(psnr);
  expect(report.sweep?.[0]).toMatchObject({ count: 2, interval: half, intervals: { psnr } });
  expect(report.anotherExecution).toMatchObject({
    count: 2,
    intervals: { following: half, psnr: [expect.closeTo(dB(225), 9), expect.closeTo(dB(25), 9)] },
  });
  // People are told of them as well.
  const lines = evaluationTable(report);
  for (const start of ['first frame copied', 'chance', 'truth, autoencoded', 'euler', 'mean over all seeds'])
    expect(lines.filter((line) => line.startsWith(start))).toEqual([
      expect.stringMatching(/ % to +[\d.]+ %/),
    ]);
});

it('tells how far two true executions of a command are apart, where there are two', async () => {
  expect(await figures(truth)).not.toHaveProperty('anotherExecution');
  const scenes = [
    greyScene(10_000, { clip: [0, 10, 20, 30], again: [0, 20, 20, 30], others: [5, 90] }),
    greyScene(10_001, { clip: [50, 50, 50, 60], again: [50, 50, 50, 90], others: [100, 150, 200] }),
    greyScene(10_002, { clip: [50, 50, 50, 60], others: [100, 150, 200] }),
  ];
  const { anotherExecution } = await figures(truth, {}, scenes);
  // The first ends where it should; the second at 90, nearest to the 100. Errors 100 and 900 in one frame of four.
  expect(anotherExecution).toMatchObject({ following: 0.5, count: 2 });
  expect(anotherExecution?.psnr).toBeCloseTo((dB(25) + dB(225)) / 2, 10);
});

it('gives a planner that copies the first frame what is worked out by hand', async () => {
  const report = await figures(copyFirst);
  // Scene 1: errors 0, 100, 400 and 900; ends at 0, nearest to the 5. Scene 2: 0, 0, 0 and 100; ends at 50, nearest
  // to the 60.
  const psnr = (dB(350) + dB(25)) / 2;
  expect(report.psnr).toBeCloseTo(psnr, 10);
  expect(report.psnrMean).toBeCloseTo(psnr, 10);
  expect(report.copyFirstPsnr).toBeCloseTo(psnr, 10);
  expect(report.copyFirstSsim).toBeCloseTo(report.ssim, 10);
  expect(report.psnrByFrame[0]).toBe(Infinity);
  expect(report.psnrByFrame[3]).toBeCloseTo(dB((900 + 100) / 2), 10);
  expect(report).toMatchObject({ instructionFollowing: 0.5, copyFirstFollowing: 0.5, ceilingFollowing: 1 });
  // Distances to the commands: 900, 25 and 8100; 100, 2500, 10000 and 22500.
  expect(report.commanded.meanRank).toBe((2 + 1) / 2);
  expect(report.commanded.meanMargin).toBeCloseTo(((25 - 900) / 925 + (2500 - 100) / 2600) / 2, 10);
  // 1 of 2: z^2 / (n + z^2) around a half.
  expect(report.commanded.interval[0]).toBeCloseTo(0.0945312, 6);
  expect(report.perFamily).toMatchObject({ put: { following: 0 }, stack: { following: 1 } });
});

it('judges a swapped command by that command, and tells when the text is ignored', async () => {
  const deaf: Imagination = ({ clip }) => clip;
  expect((await figures(deaf)).swapped).toMatchObject({ following: 0, originalNearest: 1, count: 2 });
  const { instructionFollowing, heldOutWordings, blank } = await figures((scene, request) => {
    if (request.textGuidance === 0 || request.instruction.endsWith('other words'))
      return copyFirst(scene, request);
    return truth(scene, request);
  });
  expect([instructionFollowing, heldOutWordings?.following, blank?.following]).toEqual([1, 0.5, 0.5]);
});

it('takes the best of the seeds for each scene, and the first seed for following', async () => {
  // Off by 4 - k at every frame in clip k, and the first one ends elsewhere.
  const report = await figures((scene, { seed = 0 }) => {
    const k = seed % 1000;
    const clip = scene.clip.map(({ data: [level = 0] }) => grey(level + 4 - k));
    return k === 0 ? [...clip.slice(0, -1), grey(255)] : clip;
  });
  expect(report.psnr).toBeCloseTo(dB(1), 10);
  const first = SCENES.map(({ clip }) => dB((3 * 16 + (255 - (clip.at(-1)?.data[0] as number)) ** 2) / 4));
  const means = first.map((each) => (each + dB(9) + dB(4) + dB(1)) / 4);
  expect(report.psnrMean).toBeCloseTo(((means[0] as number) + (means[1] as number)) / 2, 10);
  expect(report.instructionFollowing).toBe(0);
  expect(report.instructionFollowingMean.mean).toBe(0.75);
});

it('asks for the same clips every time: own seeds for each scene, no text for blank', async () => {
  const planner = fakePlanner(SCENES, truth);
  const options = { set: fakeSet(SCENES), seeds: 2, sampling: { preset: 'fast', textGuidance: 3 } };
  for await (const _ of evaluate(planner, options));
  const asked = planner.requests.slice(0, 5);
  expect(asked.map(({ seed }) => seed)).toEqual([1e7, 1e7 + 1, 1e7, 1e7, 1e7]);
  expect(asked.map(({ instruction }) => instruction.replace(/ [12] of/, ' x of'))).toEqual([
    'command 0 of 10000',
    'command 0 of 10000',
    'command 0 of 10000 in other words',
    'command x of 10000',
    'command 0 of 10000',
  ]);
  expect(asked.map(({ textGuidance }) => textGuidance)).toEqual([3, 3, 3, 3, 0]);
  expect(asked[4]).toMatchObject({ frameGuidance: 1, preset: 'fast' });
  const again = fakePlanner(SCENES, truth);
  for await (const _ of evaluate(again, options));
  expect(again.requests).toEqual(planner.requests);
});

it('tells how far it is, what each scene gave, and each warning once', async () => {
  const kinds: string[] = [];
  const planner = fakePlanner(SCENES, truth);
  for await (const event of evaluate(planner, { set: fakeSet(SCENES), seeds: 1 })) {
    kinds.push(event.kind === 'clip' ? `${event.done}/${event.total}` : event.kind);
    if (event.kind === 'end') {
      expect(event.report.warnings).toEqual(['warned of command']);
      expect(event.scenes[0]?.clips.map(({ kind }) => kind)).toEqual([
        'commanded',
        'heldOut',
        'swapped',
        'blank',
      ]);
      expect(event.scenes[1]?.clips[0]?.distances.pixels).toEqual([0, 1600, 8100, 19_600]);
    }
  }
  expect(kinds).toEqual('1/8 2/8 3/8 4/8 scene 5/8 6/8 7/8 8/8 scene end'.split(' '));
});

it('sweeps over settings, a row each', async () => {
  const manner = { sampler: 'euler', frameGuidance: 1, textGuidance: 2 } as const;
  const sweep = [8, 1].map((numInferenceSteps) => ({ numInferenceSteps, ...manner }));
  const report = await figures(
    (scene, request) => (request.numInferenceSteps === 1 ? copyFirst : truth)(scene, request),
    { sweep, seeds: 1, sampling: { numInferenceSteps: 3 } },
  );
  expect(report.sweep).toMatchObject([
    { numInferenceSteps: 8, ...manner, following: 1, psnr: Infinity },
    { numInferenceSteps: 1, ...manner, following: 0.5 },
  ]);
  expect(report.sampling.numInferenceSteps).toBe(3);
  expect(report.psnr).toBe(Infinity);
});

it('tells colours from brightness: a shadow over the whole frame hides nothing', async () => {
  const base = greyScene(1, { clip: [0, 0], others: [0] });
  const scene = {
    ...base,
    outcomes: [colour(140, 90, 70), colour(90, 40, 60)],
    clip: [grey(0), colour(140, 90, 70)],
  };
  // The right colours, 60 darker: errors of 3600 and 900.
  const { commanded } = await figures(() => [grey(0), colour(80, 30, 10)], {}, [scene]);
  expect(commanded).toMatchObject({ following: 0, followingByColour: 1 });
  const { commanded: wrong } = await figures(() => [grey(0), colour(90, 40, 70)], {}, [scene]);
  expect(wrong).toMatchObject({ following: 0, followingByColour: 0 });
});

it('evaluates scenes without held-out wordings', async () => {
  const scenes = SCENES.map((scene) => ({
    ...scene,
    commands: scene.commands.map((command) => ({ ...command, heldOutInstruction: null })),
  }));
  expect(await figures(truth, {}, scenes)).not.toHaveProperty('heldOutWordings');
});

it('imagines only the commanded and the swapped clip where no other is asked for', async () => {
  const planner = fakePlanner(SCENES, truth);
  for await (const event of evaluate(planner, { set: fakeSet(SCENES), seeds: 1, also: [] })) {
    if (event.kind === 'clip') expect(event.total).toBe(4);
    if (event.kind !== 'end') continue;
    expect(event.report).toMatchObject({ commanded: { count: 2 }, swapped: { count: 2 } });
    expect(event.report).not.toHaveProperty('heldOutWordings');
    expect(event.report).not.toHaveProperty('blank');
  }
  expect(planner.requests).toHaveLength(4);
});

it('refuses no seeds, and stops when it is aborted', async () => {
  await expect(figures(truth, { seeds: 0 })).rejects.toThrow('seeds: expected 1 to 1000, got 0');
  const planner = await VideoPlanner.load(await tinyModel(), { provider: 'cpu', threads: 1 });
  onTestFinished(() => planner.dispose());
  const aborted = evaluate(planner, { set: fakeSet(SCENES), abortSignal: AbortSignal.abort() });
  await expect(aborted.next()).rejects.toMatchObject({ code: 'aborted' });
});

it('runs on a real planner: the ceiling is its autoencoder, blank has another result than a text', async () => {
  const planner = await VideoPlanner.load(await tinyModel(), { provider: 'cpu', threads: 1 });
  onTestFinished(() => planner.dispose());
  const clip = [0, 1, 2, 3].map((seed) => picture(32, 32, seed));
  const [given, last] = [picture(40, 40), picture(32, 32, 3)];
  const scene: Scene = {
    seed: 3,
    commanded: 1,
    commands: ['push the red cube to the left', 'put the red cube on the blue plate'].map((instruction) => {
      return { family: 'put', instruction, heldOutInstruction: null };
    }),
    given,
    clip,
    outcomes: [picture(32, 32, 9), last],
  };
  await warmUp(planner, { preset: 'fast' });
  await expect(warmUp(planner, { preset: 'none' })).rejects.toThrow('preset');
  for await (const event of evaluate(planner, {
    set: fakeSet([scene]),
    seeds: 2,
    sampling: { preset: 'fast' },
  })) {
    if (event.kind !== 'end') continue;
    const { report, scenes } = event;
    expect(report).toMatchObject({
      model: { sha256: planner.sha256 },
      sampling: { numInferenceSteps: 1, textGuidance: 1 },
      ceilingFollowing: expect.any(Number),
    });
    for (const figure of [
      report.psnr,
      report.ssim,
      report.ceilingPsnr,
      report.copyFirstPsnr,
      report.blank?.psnr,
    ])
      expect(figure).toSatisfy(Number.isFinite);
    const [first, second, , blank] = scenes[0]?.clips ?? [];
    expect(first?.distances).not.toEqual(second?.distances);
    expect(first?.distances).not.toEqual(blank?.distances);
    expect(report.ceilingPsnr).toBeGreaterThan(0);
  }
});
