/** A saved run's scores as lines for people. */
import type { RunScores, Score } from '../planner/evaluation/run-scores.js';
import type { SavedRun } from '../planner/evaluation/saved-run.js';
import { followingLines } from './following-table.js';
import { shownPath } from './terminal.js';

export function scoreLines(run: SavedRun, { following, scores, notMeasured }: RunScores): string[] {
  const { model, data, sampling } = run;
  return [
    `${shownPath(model.path)}, SHA-256 ${model.sha256.slice(0, 12)}`,
    data,
    Object.entries(sampling)
      .map(([name, value]) => `${name} ${value}`)
      .join(', '),
    '',
    ...(following === undefined ? [] : [...followingLines(following), '']),
    ...scores.flatMap(linesOf),
    ...notMeasured.map(
      ({ name, protocol, reason }) => `${name.padEnd(12)}not measured by ${protocol}: ${reason}`,
    ),
  ];
}

function linesOf(score: Score): string[] {
  const {
    name,
    value,
    interval,
    unit,
    sampleCount,
    of,
    protocol,
    resize,
    weightsSha256,
    intervalBy,
    resamples,
    seed,
  } = score;
  const range =
    interval === undefined ? 'no interval' : `95 %: ${digits(interval[0])} to ${digits(interval[1])}`;
  const weights = weightsSha256 === undefined ? '' : `; weights ${weightsSha256.slice(0, 12)}`;
  return [
    `${name.padEnd(12)}${digits(value).padStart(10)} ${unit.padEnd(7)} ${range}, n = ${sampleCount}`,
    `            ${of}`,
    `            ${protocol}; resize ${resize}${weights}; ${intervalBy} of ${resamples}, seed ${seed}`,
  ];
}

const digits = (value: number): string => (Number.isFinite(value) ? value.toPrecision(4) : String(value));
