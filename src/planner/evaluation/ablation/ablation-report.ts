/** An ablation's results as Markdown. */
import { basename } from 'node:path';
import { mean } from '../../mean.js';
import { type Mean, meanWithInterval, rateWithInterval } from '../intervals.js';
import type { SeedRange } from '../scene-maker.js';
import type { AblationResult } from './ablation-result.js';
import {
  type Comparison,
  compareWithAid,
  MEASURES,
  type Measure,
  reading,
  signed,
  signedInterval,
} from './comparison.js';
import { ABLATION_ROWS } from './rows.js';
import type { SharedStart } from './shared-start.js';

/** What the rows have in common. */
export interface AblationAbout extends SharedStart {
  readonly basePath: string;
  /** The scenes' and the episodes'. */
  readonly table: string;
  readonly sceneSeeds: SeedRange;
  readonly steps: number;
  readonly clipsPerStep: number;
  readonly trainingSeed: number;
  /** Networks that are trained besides DQFormer, adapters and `attn2`. */
  readonly trained: readonly string[];
  readonly sigmas: readonly number[];
  readonly lastFrameWeight: number;
  readonly clipsPerScene: number;
}

const TITLES: Readonly<Record<number, string>> = {
  2: 'Condition (the rows of Table 2)',
  3: 'Adapters (the rows of Table 3)',
};

/** A table of each of the paper's two kinds of rows, for the measures of denoising and for those of imagined clips. */
export function ablationTable(about: AblationAbout, results: readonly AblationResult[]): string {
  const lines = protocol(about, results);
  const sentences = reading(results);
  if (sentences.length > 0) lines.push('', ...sentences.map((sentence) => `- ${sentence}`));
  for (const table of [2, 3]) {
    const rows = results.filter(({ tables }) => tables.some((each) => each === table));
    if (rows.length > 0) lines.push('', `### ${TITLES[table]}`, '', ...tablesOf(rows, results));
  }
  return `${lines.join('\n')}\n`;
}

function protocol(about: AblationAbout, results: readonly AblationResult[]): string[] {
  const { basePath, base, episodes, table, sceneSeeds, steps, clipsPerStep, trainingSeed, trained } = about;
  const [first] = results;
  const parts = ['DQFormer', 'adapters', 'attn2', ...trained].join(', ');
  const missing = ABLATION_ROWS.filter(({ name }) => !results.some((result) => result.name === name));
  const compared = results.length - 1;
  return [
    `Every row: ${steps} steps of ${clipsPerStep} clips, ${episodes} of the table ${table}, training seed ${trainingSeed}, from ${basename(basePath)} (SHA-256 of its files ${base.slice(0, 12)}); trained: ${parts}. Measured on ${first?.scenes.length} scenes of that table, seeds ${sceneSeeds.from}:${sceneSeeds.to}.`,
    '',
    `Denoising: the trainer's loss of each scene's true clip, last frame counted ${about.lastFrameWeight} times, mean of the noise levels ${about.sigmas.join(', ')}; the command's gain is that loss with another command of the scene minus it. Imagining: ${about.clipsPerScene} ${about.clipsPerScene === 1 ? 'clip' : 'clips'} of the command in each scene and one of another, ${first?.numInferenceSteps} sampling steps. The same clips, noise and scenes for every row.`,
    '',
    `In brackets: 95 % intervals over scenes. They leave out what another training seed would change: every row was trained with one seed.${
      compared < 1
        ? ''
        : ` Differences from AID are paired by scene; bold where p < 0.05, by McNemar's exact test for commands followed and a paired bootstrap for the rest, after Holm's correction over ${compared} ${compared === 1 ? 'row' : 'rows'}.`
    }`,
    ...(missing.length === 0
      ? []
      : ['', `Without a result yet: ${missing.map(({ label }) => label).join(', ')}.`]),
  ];
}

function tablesOf(rows: readonly AblationResult[], results: readonly AblationResult[]): string[] {
  const comparisons = new Map(
    Object.values<Measure>(MEASURES).map((measure) => [measure, compareWithAid(results, measure)]),
  );
  const value = (row: AblationResult, measure: Measure): string => {
    const { mean: shown, interval } = meanOf(row, measure);
    return `${measure.shown(shown)} (${interval.map(measure.shown).join(' to ')})`;
  };
  const difference = ({ name }: AblationResult, measure: Measure): string => {
    const found = comparisons.get(measure)?.find((each) => each.name === name);
    return found === undefined ? '' : differenceCell(found, measure);
  };
  const { loss, gain, following, psnr, ssim } = MEASURES;
  const swapped = ({ scenes }: AblationResult): string =>
    following.shown(mean(scenes.map((scene) => Number(scene.swappedFollowed))));
  return [
    '| | trained numbers | denoising loss | minus AID | gain of the command | minus AID |',
    '|---|---|---|---|---|---|',
    ...rows.map((row) =>
      line([
        row.label,
        row.trainedNumbers.toLocaleString('en'),
        ...[loss, gain].flatMap((measure) => [value(row, measure), difference(row, measure)]),
      ]),
    ),
    '',
    '| | command followed | minus AID | other command followed | PSNR, dB | minus AID | SSIM | minus AID |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map((row) =>
      line([
        row.label,
        value(row, following),
        difference(row, following),
        swapped(row),
        ...[psnr, ssim].flatMap((measure) => [value(row, measure), difference(row, measure)]),
      ]),
    ),
    ...references(rows[0] as AblationResult).map(({ label, following: followed, ...likeness }) =>
      line([
        `*${label}*`,
        following.shown(followed),
        '',
        '',
        likeness.psnr === undefined ? '' : psnr.shown(likeness.psnr),
        '',
        likeness.ssim === undefined ? '' : ssim.shown(likeness.ssim),
        '',
      ]),
    ),
  ];
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function differenceCell({ difference, interval, verdict }: Comparison, measure: Measure): string {
  const text = signed(difference, measure);
  return `${verdict === 'open' ? text : `**${text}**`} (${signedInterval(interval, measure)})`;
}

function meanOf({ scenes }: AblationResult, { of, isRate }: Measure): Mean {
  const values = scenes.map(of);
  return isRate === true ? rateWithInterval(values) : meanWithInterval(values);
}

interface ReferenceLine {
  readonly label: string;
  readonly following: number;
  readonly psnr?: number;
  readonly ssim?: number;
}

/** The same for every row, which all have the same scenes and autoencoder. */
function references({ chance, copyFirst, ceiling }: AblationResult): ReferenceLine[] {
  return [
    { label: 'chance', following: chance },
    { label: 'first frame copied', ...copyFirst },
    { label: 'truth, autoencoded', ...ceiling },
  ];
}
