/** An evaluation's figures as lines for people. */
import type { Following } from '../planner/evaluation/following.js';
import type { EvaluationReport } from '../planner/evaluation/report.js';
import { shownPath } from './terminal.js';

const LABEL = 26;

export function evaluationTable(report: EvaluationReport): string[] {
  return [...whatRan(report), '', ...following(report), '', ...likeness(report), ...sweep(report)];
}

function whatRan({ model, engine, scenes, sampling, seeds, speed }: EvaluationReport): string[] {
  const { seeds: range, count, standIns, skipped, generator, variant } = scenes;
  const { numInferenceSteps: steps, sampler, frameGuidance, textGuidance } = sampling;
  const table = variant === 'default' ? '' : `, the table ${variant}`;
  const notes = [
    ...(standIns === 0 ? [] : [`${standIns} with another way or command than the seed's own`]),
    ...(skipped.length === 0 ? [] : [`${skipped.length} seeds make none`]),
  ];
  const without = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
  return [
    `${shownPath(model.path)}, SHA-256 ${model.sha256.slice(0, 12)}, on ${engine.provider} (${engine.threads} threads)`,
    `${count} scenes of the seeds ${range.from}:${range.to}${without}, ${generator}${table}; ${seeds} clips each`,
    `${steps} steps of ${sampler}, frame guidance ${frameGuidance}, text guidance ${textGuidance}; ${speed.msPerClip.toFixed(0)} ms a clip`,
  ];
}

function following(report: EvaluationReport): string[] {
  const { commanded, chance, perFamily, heldOutWordings, swapped, blank, anotherExecution } = report;
  const row = (
    label: string,
    { following: rate, interval, followingByColour, count }: Following,
    more = '',
  ) => {
    const [low, high] = interval;
    const cells = [percent(rate), `${percent(low)} to ${percent(high)}`, percent(followingByColour)];
    return `${label.padEnd(LABEL)}${cells.join('   ')}   ${String(count).padStart(5)}   ${more}`.trimEnd();
  };
  const bare = (label: string, rate: number) => `${label.padEnd(LABEL)}${percent(rate)}`;
  return [
    `${''.padEnd(LABEL)}pixels       95 % interval   colour   clips`,
    row(
      'instruction following',
      commanded,
      `mean rank ${commanded.meanRank.toFixed(2)}, margin ${commanded.meanMargin.toFixed(2)}`,
    ),
    ...Object.entries(perFamily).map(([family, each]) =>
      row(`  ${family}`, each, `chance ${percent(each.chance).trim()}`),
    ),
    ...(heldOutWordings === undefined ? [] : [row('wordings never seen', heldOutWordings)]),
    row('command swapped', swapped, `the original still nearest: ${percent(swapped.originalNearest).trim()}`),
    ...(blank === undefined ? [] : [row('text blanked', blank)]),
    bare('mean over all seeds', report.instructionFollowingMean.mean),
    bare('chance', chance),
    ...(anotherExecution === undefined ? [] : [bare('truth, executed again', anotherExecution.following)]),
    bare('first frame copied', report.copyFirstFollowing),
    bare('truth, autoencoded', report.ceilingFollowing),
  ];
}

function likeness(report: EvaluationReport): string[] {
  const { psnr, psnrMean, ceilingPsnr, copyFirstPsnr, intervals } = report;
  const { ssim, ssimMean, ceilingSsim, copyFirstSsim, seeds, anotherExecution } = report;
  const row = (
    label: string,
    digits: number,
    values: readonly number[],
    [low, high]: readonly [number, number],
  ) => {
    const cells = values.map((value) => value.toFixed(digits).padStart(9)).join('   ');
    return `${label.padEnd(LABEL)}${cells}   ${low.toFixed(digits)} to ${high.toFixed(digits)}`;
  };
  return [
    `${'whole clip'.padEnd(LABEL)}${`best of ${seeds}`.padStart(9)}        mean     ceiling   1st frame   95 % interval of the best`,
    row('PSNR, dB', 2, [psnr, psnrMean, ceilingPsnr, copyFirstPsnr], intervals.psnr),
    row('SSIM', 4, [ssim, ssimMean, ceilingSsim, copyFirstSsim], intervals.ssim),
    ...(anotherExecution === undefined
      ? []
      : [
          `truth, executed again: ${anotherExecution.psnr.toFixed(2)} dB, SSIM ${anotherExecution.ssim.toFixed(4)}`,
        ]),
  ];
}

function sweep({ sweep: rows }: EvaluationReport): string[] {
  if (rows === undefined) return [];
  return [
    '',
    'sampler    frame   text   steps   following   colour   PSNR, dB   ms a clip',
    ...rows.map((row) =>
      [
        row.sampler.padEnd(8),
        String(row.frameGuidance).padStart(5),
        String(row.textGuidance).padStart(4),
        String(row.numInferenceSteps).padStart(5),
        percent(row.following).padStart(9),
        percent(row.followingByColour),
        row.psnr.toFixed(2).padStart(8),
        row.msPerClip.toFixed(0).padStart(9),
      ].join('   '),
    ),
  ];
}

/** ` 97.7 %` */
function percent(rate: number): string {
  return `${(100 * rate).toFixed(1)} %`.padStart(7);
}
