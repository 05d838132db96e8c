/** A saved run, or two beside each other, as one HTML page that needs nothing else: to be mailed, kept, opened. */
import { readFileSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { encodeWebp } from '../../conditioning/frame.js';
import { throwIfAborted } from '../../errors.js';
import { mean } from '../../mean.js';
import { readSavedClip, type SavedClip, type SavedRun, type SavedSample, strip } from '../saved-run.js';
import { compareRuns, type ReportedRun, type RunComparison, verdictOf } from './compare-runs.js';

export interface ReportPageOptions {
  /** Another run on the same samples. */
  readonly compare?: ReportedRun | undefined;
  /**
   * Samples in the page, half of them the worst and half the best, and as many failures at the most; 24 unless said
   * otherwise.
   */
  readonly samples?: number;
  readonly abortSignal?: AbortSignal | undefined;
}

const SAMPLES = 24;
/** Of WebP, the best that keeps the pictures of a page together below so many bytes. */
const QUALITIES = [85, 70, 55, 40, 25, 10, 1];
const BYTES = 10_000_000;

/**
 * Errors: `invalid-argument` where the runs cannot be compared, see `compareRuns`; `invalid-data`, `invalid-image`,
 * `aborted`.
 */
export async function reportPage(reported: ReportedRun, options: ReportPageOptions = {}): Promise<string> {
  const { compare, samples = SAMPLES, abortSignal } = options;
  const runs = compare === undefined ? [reported] : [reported, compare];
  const comparison =
    compare === undefined ? undefined : await compareRuns(reported, compare, { abortSignal });
  const names = comparison?.shared ?? reported.run.samples.map(nameOf);
  const sorted = worstFirst(reported, names);
  const failed = failuresIn(runs, sorted);
  const shown = new Set([...failed.slice(0, samples), ...worstAndBest(sorted, samples)]);
  const drawn = runs.map(({ run }, index) => drawnOf(run, shown, index === 0));
  const bytes = BYTES / drawn.flatMap((each) => each.flatMap(({ files }) => files)).length;
  const titles = titlesOf(runs.map(({ run }) => run.folder));
  const data = {
    total: names.length,
    shown: shown.size,
    failures: { total: failed.length, shown: failed.filter((name) => shown.has(name)).length },
    ...(comparison === undefined ? {} : { comparison: comparisonData(comparison) }),
    groups: groupsOf(runs, new Set(names)),
    runs: runs.map((each, index) => runData(each, titles[index] as string)),
    samples: [] as unknown[],
  };
  for (const name of sorted.filter((each) => shown.has(each))) {
    throwIfAborted(abortSignal);
    const clips: unknown[] = [];
    let truth = '';
    for (const [index, each] of runs.entries()) {
      const found = (drawn[index] as DrawnSample[]).find(({ sample }) => sample.name === name) as DrawnSample;
      if (index === 0) truth = await source(each.run, found.sample.truth, bytes);
      for (const { file, ...clip } of found.clips)
        clips.push({ run: index, ...clip, source: await source(each.run, file, bytes) });
    }
    const sample = reported.run.samples.find((each) => each.name === name) as SavedSample;
    const scores = runs.map((each) => each.scores.samples.find((score) => score.name === name));
    data.samples.push({
      name,
      instruction: sample.instruction,
      group: groupOf(sample),
      failed: failed.includes(name),
      scores: scores.map((score) => score && { psnr: score.psnr, ssim: score.ssim, lpips: score.lpips }),
      truth,
      clips,
    });
  }
  const template = readFileSync(new URL('page.html', import.meta.url), 'utf8');
  // "</script>" in an instruction must not end the script.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return template.replace('{ "runs": [] }', () => json);
}

interface DrawnSample {
  readonly sample: SavedSample;
  readonly clips: readonly SavedClip[];
  readonly files: readonly string[];
}

/** Of the first run the truth and the first clip of each kind, of another the commanded clip. */
function drawnOf(run: SavedRun, shown: ReadonlySet<string>, isFirst: boolean): DrawnSample[] {
  return run.samples
    .filter(({ name }) => shown.has(name))
    .map((sample) => {
      const ofEachKind = sample.clips.filter(
        ({ kind }, index) => sample.clips.findIndex((clip) => clip.kind === kind) === index,
      );
      const clips = isFirst ? ofEachKind : ofEachKind.filter(({ kind }) => kind === 'commanded');
      return { sample, clips, files: [...(isFirst ? [sample.truth] : []), ...clips.map(({ file }) => file)] };
    });
}

/** Those that only one of the runs failed at first, then those that look worst in the first run. */
function failuresIn(runs: readonly ReportedRun[], sorted: readonly string[]): string[] {
  const verdicts = runs.map(({ run }) => new Map(run.samples.map((each) => [each.name, verdictOf(each)])));
  const failed = sorted.filter((name) => verdicts.some((each) => each.get(name) === false));
  const isByAll = (name: string): boolean => verdicts.every((each) => each.get(name) === false);
  return [...failed.filter((name) => !isByAll(name)), ...failed.filter(isByAll)];
}

function worstAndBest(sorted: readonly string[], count: number): readonly string[] {
  if (sorted.length <= count) return sorted;
  const worst = Math.ceil(count / 2);
  return [...sorted.slice(0, worst), ...sorted.slice(sorted.length - (count - worst))];
}

const nameOf = ({ name }: { readonly name: string }): string => name;

/** Samples without a score last. */
function worstFirst({ scores }: ReportedRun, names: readonly string[]): string[] {
  const psnr = new Map(scores.samples.map((each) => [each.name, each.psnr]));
  const of = (name: string): number => psnr.get(name) ?? Number.POSITIVE_INFINITY;
  return names.toSorted((a, b) => (of(a) === of(b) ? 0 : of(a) - of(b)));
}

/** What a sample is counted under: the family of its command, or the command itself where it has none. */
const groupOf = ({ family = '', instruction }: SavedSample): string => (family === '' ? instruction : family);

/** The shortest ends of their paths that differ. */
function titlesOf(folders: readonly string[]): string[] {
  const paths = folders.map((folder) => resolve(folder).split(sep));
  const longest = Math.max(...paths.map(({ length }) => length));
  for (let parts = 1; parts < longest; parts++) {
    const titles = paths.map((path) => path.slice(-parts).join('/'));
    if (new Set(titles).size === titles.length) return titles;
  }
  return folders.map((folder) => resolve(folder));
}

function comparisonData({ shared, ...rest }: RunComparison): unknown {
  return { ...rest, shared: shared.length };
}

function runData({ run, scores }: ReportedRun, title: string): unknown {
  const { model, sampling, engine, data, protocol, warnings, video, statesWrittenBy } = run;
  const settings = Object.entries(sampling).map(([name, value]) => `${name} ${value}`);
  return {
    title,
    about: [
      `${model.path}, SHA-256 ${model.sha256.slice(0, 12)}, on ${engine.name} ${engine.provider}; ${settings.join(', ')}; states by ${statesWrittenBy}`,
      data,
      ...protocol,
      ...warnings.slice(0, 8).map((warning) => `Warning: ${warning}`),
    ],
    video,
    following: scores.following,
    scores: scores.scores,
    notMeasured: scores.notMeasured,
    psnrByFrame: scores.psnrByFrame,
    sensitivity: scores.sensitivity,
  };
}

/** Those with the largest share of failures in any run first, among equals those that look worst. */
function groupsOf(runs: readonly ReportedRun[], names: ReadonlySet<string>): unknown[] {
  const samples = runs.map(({ run }) => run.samples.filter(({ name }) => names.has(name)));
  const groups = [...new Set(samples.flat().map(groupOf))].map((name) => ({
    name,
    runs: runs.map(({ scores }, index) => {
      const members = (samples[index] as SavedSample[]).filter((sample) => groupOf(sample) === name);
      const verdicts = members.map(verdictOf).filter((verdict) => verdict !== undefined);
      const psnrs = scores.samples.filter((score) => members.some((member) => member.name === score.name));
      return {
        samples: members.length,
        judged: verdicts.length,
        followed: verdicts.filter(Boolean).length,
        psnr: mean(psnrs.map(({ psnr }) => psnr)),
      };
    }),
  }));
  const failing = (group: (typeof groups)[number]): number =>
    Math.max(...group.runs.map(({ judged, followed }) => (judged === 0 ? 0 : 1 - followed / judged)));
  const psnr = (group: (typeof groups)[number]): number => Math.min(...group.runs.map((each) => each.psnr));
  return groups.sort((a, b) => failing(b) - failing(a) || psnr(a) - psnr(b));
}

/** A clip's frames below each other, as a data URI of a picture of so many bytes. */
async function source(run: SavedRun, file: string, bytes: number): Promise<string> {
  const frames = strip(await readSavedClip(run, file));
  let picture = new Uint8Array();
  for (const quality of QUALITIES) {
    picture = new Uint8Array(await encodeWebp(frames, { quality }));
    if (picture.length <= bytes) break;
  }
  return `data:image/webp;base64,${Buffer.from(picture).toString('base64')}`;
}
