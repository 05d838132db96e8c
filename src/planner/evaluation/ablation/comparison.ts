/** Rows against AID, in the same scenes, and what may be said of it. */
import { holm, mcnemar, pairedBootstrap } from '../paired.js';
import type { AblationResult, SceneFigures } from './ablation-result.js';
import { AID_ROW, NEXT_SEED_ROW } from './rows.js';

export interface Measure {
  readonly label: string;
  readonly better: 'lower' | 'higher';
  /** A number of a scene; a rate's is 0 or 1. */
  readonly of: (scene: SceneFigures) => number;
  readonly isRate?: true;
  readonly shown: (value: number) => string;
}

const points = (rate: number): string => `${(100 * rate).toFixed(1)} %`;
const decimals =
  (digits: number) =>
  (value: number): string =>
    value.toFixed(digits);

export const MEASURES = {
  loss: { label: 'denoising loss', better: 'lower', of: ({ loss }) => loss, shown: decimals(4) },
  gain: { label: "command's gain", better: 'higher', of: ({ gain }) => gain, shown: decimals(4) },
  following: {
    label: 'commands followed',
    better: 'higher',
    of: ({ followed }) => Number(followed),
    isRate: true,
    shown: points,
  },
  psnr: { label: 'PSNR, dB', better: 'higher', of: ({ psnr }) => psnr, shown: decimals(2) },
  ssim: { label: 'SSIM', better: 'higher', of: ({ ssim }) => ssim, shown: decimals(4) },
} as const satisfies Readonly<Record<string, Measure>>;

export interface Comparison {
  readonly label: string;
  readonly name: string;
  /** The row's mean minus AID's, and its paired 95 % interval. */
  readonly difference: number;
  readonly interval: readonly [number, number];
  /** Of no difference, adjusted by Holm for all rows that are compared. */
  readonly p: number;
  readonly verdict: 'worse' | 'better' | 'open';
}

const LEVEL = 0.05;

/** Every other row against AID, none without AID. All rows have the same scenes, in one order. */
export function compareWithAid(results: readonly AblationResult[], measure: Measure): Comparison[] {
  const aid = results.find(({ name }) => name === AID_ROW);
  if (aid === undefined) return [];
  const rows = results.filter((row) => row !== aid);
  const tests = rows.map(({ scenes }) => {
    const differences = scenes.map((scene, i) => {
      return measure.of(scene) - measure.of(aid.scenes[i] as SceneFigures);
    });
    const only = (sign: number): number => differences.filter((each) => sign * each > 0).length;
    const paired = pairedBootstrap(differences);
    return measure.isRate === true ? { ...paired, p: mcnemar([only(1), only(-1)]) } : paired;
  });
  const adjusted = holm(tests.map(({ p }) => p));
  return rows.map(({ label, name }, index) => {
    const { mean: difference, interval } = tests[index] as (typeof tests)[number];
    const p = adjusted[index] as number;
    const isBetter = difference > 0 === (measure.better === 'higher');
    return {
      label,
      name,
      difference,
      interval,
      p,
      verdict: p >= LEVEL ? 'open' : isBetter ? 'better' : 'worse',
    };
  });
}

/** What the numbers allow to be said: of AID alone, then a sentence for each measure; none where nothing can be compared. */
export function reading(results: readonly AblationResult[]): string[] {
  const sentences = Object.values<Measure>(MEASURES).flatMap((measure) => {
    const compared = compareWithAid(results, measure);
    return compared.length === 0 ? [] : sentenceOf(compared, measure);
  });
  const aid = results.find(({ name }) => name === AID_ROW);
  return aid === undefined || sentences.length === 0 ? [] : [ownGain(aid), ...sentences];
}

function ownGain({ scenes }: AblationResult): string {
  const { gain } = MEASURES;
  const { mean, interval } = pairedBootstrap(scenes.map(gain.of));
  const isUsed = interval[0] > 0;
  return `AID's own gain of the command: ${signed(mean, gain)} (${signedInterval(interval, gain)}), ${
    isUsed ? 'so it uses the command.' : 'which does not show that it uses the command: no row can lose that.'
  }`;
}

function sentenceOf(compared: readonly Comparison[], measure: Measure): string {
  const rowsThat = (verdict: Comparison['verdict']): string => {
    const labels = compared.flatMap((each) => (each.verdict === verdict ? each.label : []));
    return labels.length === 0 ? 'no row' : labels.join(', ');
  };
  const seed = compared.find(({ name }) => name === NEXT_SEED_ROW);
  const yardstick =
    seed === undefined ? '' : ` Another training seed alone: ${signed(seed.difference, measure)}.`;
  return `${measure.label}: worse than AID: ${rowsThat('worse')}; better: ${rowsThat('better')}; not told apart: ${rowsThat('open')}.${yardstick}`;
}

/** A difference, with its sign. */
export function signed(value: number, measure: Measure): string {
  return `${bare(value, measure)}${measure.isRate === true ? ' points' : ''}`;
}

/** Its bounds, in the same unit. */
export function signedInterval(interval: readonly number[], measure: Measure): string {
  return interval.map((bound) => bare(bound, measure)).join(' to ');
}

const bare = (value: number, { shown }: Measure): string =>
  `${value >= 0 ? '+' : ''}${shown(value).replace(' %', '')}`;
