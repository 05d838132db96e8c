import { expect, it } from 'vitest';
import { ablationPlot } from '#planner/evaluation/ablation/ablation-plot.js';
import { type AblationAbout, ablationTable } from '#planner/evaluation/ablation/ablation-report.js';
import type { AblationResult, SceneFigures } from '#planner/evaluation/ablation/ablation-result.js';
import { compareWithAid, MEASURES, reading } from '#planner/evaluation/ablation/comparison.js';
import { ABLATION_ROWS } from '#planner/evaluation/ablation/rows.js';
import { Random } from '#planner/random.js';

const SCENES = 128;
/** What a scene does to every row: far more than rows differ. */
const scenery = Array.from(new Random(1).normals(SCENES));

/** A row whose figures are AID's in every scene but for a change. */
function row(
  name: string,
  change: (scene: SceneFigures, index: number) => Partial<SceneFigures> = () => ({}),
) {
  const { label = '', tables = [] } = ABLATION_ROWS.find((each) => each.name === name) ?? {};
  const wobble = new Random(
    2,
    ABLATION_ROWS.findIndex((each) => each.name === name),
  );
  const reference = { following: 0.25, psnr: 18, ssim: 0.6 };
  return {
    name,
    label,
    tables,
    trainedNumbers: 1000,
    steps: 600,
    modelSha256: 'a',
    numInferenceSteps: 4,
    chance: 0.2,
    copyFirst: reference,
    ceiling: reference,
    scenes: scenery.map((each, index) => {
      const scene = {
        seed: 10_000 + index,
        loss: 1 + 0.3 * each + 0.01 * wobble.normal(),
        gain: 0.02 + 0.01 * wobble.normal(),
        followed: index % 2 === 0,
        swappedFollowed: false,
        psnr: 20 + 3 * each + 0.2 * wobble.normal(),
        ssim: 0.7 + 0.05 * each + 0.001 * wobble.normal(),
      };
      return { ...scene, ...change(scene, index) };
    }),
  } satisfies AblationResult;
}

const about: AblationAbout = {
  base: '0123456789abcdef',
  basePath: '/models/aid-mini',
  episodes: '1000 bags (abcdef01)',
  table: 'workshop',
  sceneSeeds: { from: 10_000, to: 10_128 },
  steps: 600,
  clipsPerStep: 16,
  trainingSeed: 3,
  trained: ['text_encoder'],
  sigmas: [1, 5, 25],
  lastFrameWeight: 4,
  clipsPerScene: 1,
};

const sentence = (results: readonly AblationResult[], measure: keyof typeof MEASURES): string =>
  reading(results).find((each) => each.startsWith(`${MEASURES[measure].label}:`)) ?? '';

it('tells rows that are worse, better, and not told apart, though scenes differ more than rows', () => {
  const results = [
    row('full'),
    row('no-mcondition', ({ loss, gain, psnr, ssim }) => ({
      ...{ loss: loss + 0.05, gain: gain - 0.02, psnr: psnr - 0.5, ssim: ssim - 0.01 },
    })),
    row('no-states', ({ loss, gain, psnr, ssim }) => ({
      ...{ loss: loss - 0.05, gain: gain + 0.02, psnr: psnr + 0.5, ssim: ssim + 0.01 },
    })),
    row('no-spatial'),
  ];
  // Their intervals by themselves lie on each other: 0.05 beside a standard error of 0.3 / 11.
  for (const measure of ['loss', 'gain', 'psnr', 'ssim'] as const)
    expect(sentence(results, measure)).toContain(
      'worse than AID: w/o MCondition; better: w/o states; not told apart: w/o SA.',
    );
  expect(sentence(results, 'following')).toContain(
    'worse than AID: no row; better: no row; not told apart: w/o MCondition, w/o states, w/o SA.',
  );
});

it('compares commands followed scene by scene', () => {
  // Loses 16 of the scenes that AID follows, and wins none: 50 % against 37.5 %.
  const loses = row('no-spatial', ({ followed }, index) => ({ followed: followed && index % 8 !== 0 }));
  // As many less, but other scenes: 40 lost, 24 won.
  const differs = row('no-long-term', (_, index) => ({
    followed: index < 64 + 2 * 24 ? index % 2 === 1 || index < 48 : false,
  }));
  const wins = row('no-temporal', ({ followed }, index) => ({ followed: followed || index % 8 === 1 }));
  const compared = compareWithAid([row('full'), loses, wins], MEASURES.following);
  expect(compared.map(({ verdict }) => verdict)).toEqual(['worse', 'better']);
  expect(compared[0]?.difference).toBe(-0.125);
  // Two tests: twice the smaller one of McNemar's.
  expect(compared[0]?.p).toBeCloseTo(2 * 2 * 0.5 ** 16, 12);
  expect(compareWithAid([row('full'), differs], MEASURES.following)[0]?.verdict).toBe('open');
});

it('finds no row worse where rows differ by chance alone, however many they are', () => {
  for (const measure of ['loss', 'gain', 'psnr', 'ssim'] as const)
    expect(
      sentence(
        ABLATION_ROWS.map(({ name }) => row(name)),
        measure,
      ),
    ).toMatch(/worse than AID: no row; better: no row;/);
});

it('tells beside each measure what another training seed alone changes', () => {
  const results = [row('full'), row('another-seed', ({ loss }) => ({ loss: loss + 0.05 }))];
  expect(sentence(results, 'loss')).toMatch(/Another training seed alone: \+0\.0[45]\d+\.$/);
});

it('tells whether AID uses the command at all', () => {
  const [uses] = reading([row('full'), row('no-states')]);
  expect(uses).toMatch(/^AID's own gain of the command: \+0\.0[12]\d+ \(.*\), so it uses the command\.$/);
  const deaf = row('full', ({ gain }) => ({ gain: gain - 0.02 }));
  expect(reading([deaf, row('no-states')])[0]).toMatch(/does not show that it uses the command/);
});

it('compares nothing without AID or without another row', () => {
  expect(reading([row('full')])).toEqual([]);
  expect(reading([row('no-states'), row('no-spatial')])).toEqual([]);
  const table = ablationTable(about, [row('full')]);
  expect(table).not.toContain('than AID');
  expect(table).not.toContain('Holm');
  expect(ablationPlot([row('full')])).toBeUndefined();
});

it('states what was measured and how, and what is not there yet', () => {
  const table = ablationTable(about, [row('full'), row('no-states', ({ loss }) => ({ loss: loss + 0.05 }))]);
  for (const fact of [
    '600 steps of 16 clips, 1000 bags (abcdef01) of the table workshop, training seed 3, from aid-mini',
    'trained: DQFormer, adapters, attn2, text_encoder',
    '128 scenes of that table, seeds 10000:10128',
    'noise levels 1, 5, 25',
    '1 clip of the command in each scene and one of another, 4 sampling steps',
    'They leave out what another training seed would change',
    "Holm's correction over 1 row.",
    'Without a result yet: w/o MCondition, w/o DE, w/o ME, w/o SA',
  ])
    expect(table).toContain(fact);
  // Once for denoising and once for imagining, in each of the two tables that it stands in.
  expect(table.match(/^\| AID \|/gm)).toHaveLength(4);
  expect(table.match(/^\| w\/o states \|/gm)).toHaveLength(2);
  // Bold only where it is told apart.
  expect(table.match(/\*\*[^*]+\*\*/g)).toEqual([expect.stringMatching(/^\*\*\+0\.0[45]\d+\*\*$/)]);
  expect(table).toContain('| *chance* | 20.0 % |');
});

it('draws each row by what is said of it, whatever its place', () => {
  const worse = row('no-states', ({ loss }) => ({ loss: loss + 0.05 }));
  const plot = ablationPlot([worse, row('full')]) ?? '';
  expect(plot.match(/<circle /g)).toHaveLength(4);
  expect(plot.match(/<circle [^>]*fill="#c2570c"/g)).toHaveLength(1);
  expect(plot).toContain('>w/o states</text>');
  expect(plot).not.toContain('>AID</text>');
});
