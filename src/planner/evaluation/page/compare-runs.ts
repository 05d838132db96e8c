/** What two saved runs on the same samples differ by, sample for sample. */
import { AidError, throwIfAborted } from '../../errors.js';
import { type Interval, meanWithInterval } from '../intervals.js';
import type { RunScores, SampleScore } from '../run-scores.js';
import { clipOf, readSavedClip, type SavedRun, type SavedSample, strip } from '../saved-run.js';

export interface ReportedRun {
  readonly run: SavedRun;
  readonly scores: RunScores;
}

/** Of the second run's score minus the first's, over the samples that both have. */
export interface ScoreDifference {
  readonly name: 'psnr' | 'ssim' | 'lpips';
  readonly unit: string;
  readonly mean: number;
  /** 95 %, 2000 bootstrap resamples of the pairs. */
  readonly interval: Interval;
  readonly count: number;
  /** Pairs of which a clip is exactly the truth: their difference is no number. */
  readonly leftOut: number;
}

export interface RunComparison {
  /** Names of the samples that both have, in the first's order. */
  readonly shared: readonly string[];
  /** Samples that the other does not have. */
  readonly only: readonly [first: number, second: number];
  readonly differences: readonly ScoreDifference[];
  /** By whom the commands of the shared samples were followed. Absent where the outcomes are not known. */
  readonly followed?: Readonly<Record<'both' | 'first' | 'second' | 'neither', number>>;
}

const MEASURES = [
  { name: 'psnr', unit: 'dB' },
  { name: 'ssim', unit: '' },
  { name: 'lpips', unit: '' },
] as const;

/**
 * Errors: `invalid-argument` where the clips are of another shape, no sample is in both, or what has the same name has
 * another command or truth; `invalid-data`, `invalid-image`, `aborted`.
 */
export async function compareRuns(
  first: ReportedRun,
  second: ReportedRun,
  { abortSignal }: { readonly abortSignal?: AbortSignal | undefined } = {},
): Promise<RunComparison> {
  const [a, b] = [first.run, second.run];
  checkShape(a, b);
  const others = new Map(b.samples.map((sample) => [sample.name, sample]));
  const pairs = a.samples.flatMap((sample) => {
    const other = others.get(sample.name);
    return other === undefined ? [] : [[sample, other] as const];
  });
  if (pairs.length === 0)
    throw new AidError('invalid-argument', `${b.folder}: no sample of ${a.folder} in it`);
  for (const [sample, other] of pairs) {
    throwIfAborted(abortSignal);
    if (sample.instruction !== other.instruction || !(await isTruthEqual(a, sample, b, other)))
      throw new AidError(
        'invalid-argument',
        `${b.folder}: "${sample.name}" has another command or truth than in ${a.folder}; only runs on the same samples can be compared`,
      );
  }
  const shared = pairs.map(([{ name }]) => name);
  const verdicts = pairs.flatMap(([sample, other]) => {
    const [one, two] = [verdictOf(sample), verdictOf(other)];
    return one === undefined || two === undefined ? [] : [[one, two] as const];
  });
  const count = (one: boolean, two: boolean): number =>
    verdicts.filter((verdict) => verdict[0] === one && verdict[1] === two).length;
  return {
    shared,
    only: [a.samples.length - shared.length, b.samples.length - shared.length],
    differences: differences(first.scores, second.scores, shared),
    ...(verdicts.length === 0
      ? {}
      : {
          followed: {
            both: count(true, true),
            first: count(true, false),
            second: count(false, true),
            neither: count(false, false),
          },
        }),
  };
}

/** Whether the command was followed; undefined where the outcomes are not known. */
export const verdictOf = (sample: SavedSample): boolean | undefined => clipOf(sample, 'commanded')?.followed;

function checkShape(a: SavedRun, b: SavedRun): void {
  const shape = ({ video }: SavedRun): string =>
    `${video.numFrames} frames of ${video.width}x${video.height}`;
  if (shape(a) !== shape(b))
    throw new AidError(
      'invalid-argument',
      `${b.folder}: expected ${shape(a)} as ${a.folder} has, got ${shape(b)}`,
    );
}

async function isTruthEqual(
  a: SavedRun,
  { truth }: SavedSample,
  b: SavedRun,
  other: SavedSample,
): Promise<boolean> {
  const [one, two] = [await readSavedClip(a, truth), await readSavedClip(b, other.truth)];
  return Buffer.compare(strip(one).data, strip(two).data) === 0;
}

function differences(first: RunScores, second: RunScores, shared: readonly string[]): ScoreDifference[] {
  const byName = ({ samples }: RunScores): Map<string, SampleScore> =>
    new Map(samples.map((sample) => [sample.name, sample]));
  const [ofFirst, ofSecond] = [byName(first), byName(second)];
  return MEASURES.flatMap(({ name, unit }) => {
    const pairs = shared.flatMap((sample) => {
      const [one, two] = [ofFirst.get(sample)?.[name], ofSecond.get(sample)?.[name]];
      return one === undefined || two === undefined ? [] : [two - one];
    });
    const finite = pairs.filter(Number.isFinite);
    if (finite.length === 0) return [];
    return [
      {
        name,
        unit,
        ...meanWithInterval(finite),
        count: finite.length,
        leftOut: pairs.length - finite.length,
      },
    ];
  });
}
