/** A saved run, or two beside each other, as one HTML page that needs nothing else: to be mailed, kept, opened. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { encodeWebp } from '../../conditioning/frame.js';
import { AidError } from '../../errors.js';
import { mean } from '../../mean.js';
import type { RunScores } from '../run-scores.js';
import { clipOf, readSavedClip, type SavedRun, type SavedSample, strip } from '../saved-run.js';

export interface ReportedRun {
  readonly run: SavedRun;
  readonly scores: RunScores;
}

export interface ReportPageOptions {
  /** Another run on the same samples. */
  readonly compare?: ReportedRun | undefined;
  /**
   * Samples in the page, half of them the worst and half the best, and as many failures at the most; 24 unless said
   * otherwise.
   */
  readonly samples?: number;
}

const SAMPLES = 24;
const QUALITY = 85;

/** Errors: `invalid-argument` where the runs have no sample in common or clips of another shape. */
export async function reportPage(reported: ReportedRun, options: ReportPageOptions = {}): Promise<string> {
  const { compare, samples = SAMPLES } = options;
  const runs = compare === undefined ? [reported] : [reported, compare];
  if (compare !== undefined) checkComparable(reported.run, compare.run);
  const failed = failuresIn(runs);
  const names = new Set([...failed.slice(0, samples), ...worstAndBest(reported, samples)]);
  const data = {
    shown: names.size,
    failures: { total: failed.length, shown: failed.filter((name) => names.has(name)).length },
    runs: await Promise.all(runs.map((each) => runData(each, names))),
  };
  const template = readFileSync(new URL('page.html', import.meta.url), 'utf8');
  // "</script>" in an instruction must not end the script.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return template.replace('{ "runs": [] }', () => json);
}

function checkComparable(a: SavedRun, b: SavedRun): void {
  const shape = ({ video }: SavedRun): string =>
    `${video.numFrames} frames of ${video.width}x${video.height}`;
  if (shape(a) !== shape(b))
    throw new AidError(
      'invalid-argument',
      `${b.folder}: expected ${shape(a)} as ${a.folder} has, got ${shape(b)}`,
    );
  const names = new Set(a.samples.map(({ name }) => name));
  if (!b.samples.some(({ name }) => names.has(name)))
    throw new AidError('invalid-argument', `${b.folder}: no sample of ${a.folder} in it`);
}

/** Samples whose command was not followed in one of the runs, those that look worst in the first run first. */
function failuresIn(runs: readonly ReportedRun[]): string[] {
  const failed = new Set(
    runs.flatMap(({ run }) => run.samples.filter((sample) => verdictOf(sample).includes(false))).map(nameOf),
  );
  return worstFirst(runs[0] as ReportedRun).filter((name) => failed.has(name));
}

function worstAndBest(reported: ReportedRun, count: number): string[] {
  const sorted = worstFirst(reported);
  if (sorted.length <= count) return sorted;
  const worst = Math.ceil(count / 2);
  return [...sorted.slice(0, worst), ...sorted.slice(sorted.length - (count - worst))];
}

const nameOf = ({ name }: { readonly name: string }): string => name;
const worstFirst = ({ scores }: ReportedRun): string[] =>
  scores.samples.toSorted((a, b) => a.psnr - b.psnr).map(nameOf);

/** What a sample is counted under: the family of its command, or the command itself where it has none. */
const groupOf = ({ family = '', instruction }: SavedSample): string => (family === '' ? instruction : family);

async function runData({ run, scores }: ReportedRun, names: ReadonlySet<string>): Promise<unknown> {
  const { model, sampling, engine, data, protocol, warnings, video, statesWrittenBy } = run;
  const samples: unknown[] = [];
  for (const sample of run.samples) {
    if (!names.has(sample.name)) continue;
    const score = scores.samples.find(({ name }) => name === sample.name);
    const clips: unknown[] = [];
    for (const { file, ...clip } of sample.clips) clips.push({ ...clip, source: await source(run, file) });
    const { name, instruction } = sample;
    const truth = await source(run, sample.truth);
    const { psnr, ssim, lpips } = score ?? {};
    samples.push({ name, instruction, group: groupOf(sample), psnr, ssim, lpips, truth, clips });
  }
  const settings = Object.entries(sampling).map(([name, value]) => `${name} ${value}`);
  return {
    title: basename(run.folder),
    about: [
      `${model.path}, SHA-256 ${model.sha256.slice(0, 12)}, on ${engine.name} ${engine.provider}; ${settings.join(', ')}; states by ${statesWrittenBy}`,
      data,
      ...protocol,
      ...warnings.slice(0, 8).map((warning) => `Warning: ${warning}`),
    ],
    video,
    total: run.samples.length,
    scores: scores.scores,
    notMeasured: scores.notMeasured,
    psnrByFrame: scores.psnrByFrame,
    sensitivity: scores.sensitivity,
    groups: groupsOf(run, scores),
    samples,
  };
}

/** Those with the largest share of failures first, among equals those that look worst. */
function groupsOf({ samples }: SavedRun, scores: RunScores): unknown[] {
  const psnrOf = new Map(scores.samples.map(({ name, psnr }) => [name, psnr]));
  const groups = [...new Set(samples.map(groupOf))].map((name) => {
    const members = samples.filter((sample) => groupOf(sample) === name);
    const verdicts = members.flatMap(verdictOf);
    return {
      name,
      samples: members.length,
      judged: verdicts.length,
      followed: verdicts.filter(Boolean).length,
      psnr: mean(members.flatMap((member) => psnrOf.get(member.name) ?? [])),
    };
  });
  const failing = ({ judged, followed }: (typeof groups)[number]): number =>
    judged === 0 ? 0 : 1 - followed / judged;
  return groups.sort((a, b) => failing(b) - failing(a) || a.psnr - b.psnr);
}

function verdictOf(sample: SavedSample): boolean[] {
  const followed = clipOf(sample, 'commanded')?.followed;
  return followed === undefined ? [] : [followed];
}

/** A clip's frames below each other, as a data URI. */
async function source(run: SavedRun, file: string): Promise<string> {
  const picture = await encodeWebp(strip(await readSavedClip(run, file)), { quality: QUALITY });
  return `data:image/webp;base64,${Buffer.from(picture).toString('base64')}`;
}
