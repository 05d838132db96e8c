/** A saved run, or two beside each other, as one HTML page that needs nothing else: to be mailed, kept, opened. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { encodeWebp } from '../../conditioning/frame.js';
import { AidError } from '../../errors.js';
import type { RunScores } from '../run-scores.js';
import { readSavedClip, type SavedRun, type SavedSample, strip } from '../saved-run.js';

export interface ReportedRun {
  readonly run: SavedRun;
  readonly scores: RunScores;
}

export interface ReportPageOptions {
  /** Another run on the same samples. */
  readonly compare?: ReportedRun | undefined;
  /** Samples in the page, half of them the worst and half the best; 24 unless said otherwise. */
  readonly samples?: number;
}

const SAMPLES = 24;
const QUALITY = 85;

/** Errors: `invalid-argument` where the runs have no sample in common or clips of another shape. */
export async function reportPage(reported: ReportedRun, options: ReportPageOptions = {}): Promise<string> {
  const { compare, samples = SAMPLES } = options;
  const runs = compare === undefined ? [reported] : [reported, compare];
  if (compare !== undefined) checkComparable(reported.run, compare.run);
  const names = chosenNames(reported, samples);
  const data = {
    shown: names.size,
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

function chosenNames({ scores }: ReportedRun, count: number): Set<string> {
  const sorted = scores.samples.toSorted((a, b) => a.psnr - b.psnr).map(({ name }) => name);
  if (sorted.length <= count) return new Set(sorted);
  const worst = Math.ceil(count / 2);
  return new Set([...sorted.slice(0, worst), ...sorted.slice(sorted.length - (count - worst))]);
}

async function runData({ run, scores }: ReportedRun, names: ReadonlySet<string>): Promise<unknown> {
  const { model, sampling, engine, data, protocol, warnings, video, statesWrittenBy } = run;
  const samples: unknown[] = [];
  for (const sample of run.samples) {
    if (!names.has(sample.name)) continue;
    const score = scores.samples.find(({ name }) => name === sample.name);
    const clips: unknown[] = [];
    for (const { file, ...clip } of sample.clips) clips.push({ ...clip, source: await source(run, file) });
    const { name, instruction, family = '' } = sample;
    const truth = await source(run, sample.truth);
    samples.push({ name, instruction, family, psnr: score?.psnr, ssim: score?.ssim, truth, clips });
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
    psnrByFrame: scores.psnrByFrame,
    sensitivity: scores.sensitivity,
    families: familiesOf(run, scores),
    samples,
  };
}

function familiesOf({ samples }: SavedRun, scores: RunScores): unknown[] {
  const families = [...new Set(samples.map(({ family = '' }) => family))].sort();
  return families.map((name) => {
    const members = samples.filter(({ family = '' }) => family === name);
    const verdicts = members.flatMap(verdictOf);
    const psnrs = scores.samples.filter((score) => members.some((member) => member.name === score.name));
    return {
      name,
      samples: members.length,
      judged: verdicts.length,
      followed: verdicts.filter(Boolean).length,
      psnr: psnrs.reduce((sum, { psnr }) => sum + psnr, 0) / psnrs.length,
    };
  });
}

function verdictOf({ clips }: SavedSample): boolean[] {
  const followed = clips.find(({ kind }) => kind === 'commanded')?.followed;
  return followed === undefined ? [] : [followed];
}

/** A clip's frames below each other, as a data URI. */
async function source(run: SavedRun, file: string): Promise<string> {
  const picture = await encodeWebp(strip(await readSavedClip(run, file)), { quality: QUALITY });
  return `data:image/webp;base64,${Buffer.from(picture).toString('base64')}`;
}
