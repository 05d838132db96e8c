/** An evaluation's figures as lines for people. */
import type { Interval } from '../planner/evaluation/intervals.js';
import type { EvaluationReport } from '../planner/evaluation/report.js';
import { followingLines, LABEL, percent } from './following-table.js';
import { shownPath } from './terminal.js';

export function evaluationTable(report: EvaluationReport): string[] {
  return [...whatRan(report), '', ...followingLines(report), '', ...likeness(report), ...sweep(report)];
}

function whatRan({ model, engine, scenes, sampling, seeds, speed }: EvaluationReport): string[] {
  const { seeds: range, count, standIns, skipped, failedCommands, generator, variant } = scenes;
  const { numInferenceSteps: steps, sampler, frameGuidance, textGuidance } = sampling;
  const table = variant === 'default' ? '' : `, the table ${variant}`;
  const failed = Object.values(failedCommands).reduce((sum, each) => sum + each, 0);
  const notes = [
    ...(standIns === 0 ? [] : [`${standIns} with another way or command than the seed's own`]),
    ...(skipped.length === 0 ? [] : [`${skipped.length} seeds make none`]),
    ...(failed === 0 ? [] : [`without ${failed} commands at which the expert fails`]),
  ];
  const without = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
  return [
    `${shownPath(model.path)}, SHA-256 ${model.sha256.slice(0, 12)}, on ${engine.provider} (${engine.threads} threads)`,
    `${count} scenes of the seeds ${range.from}:${range.to}${without}, ${generator}${table}; ${seeds} clips each`,
    `${steps} steps of ${sampler}, frame guidance ${frameGuidance}, text guidance ${textGuidance}; ${speed.msPerClip.toFixed(0)} ms a clip`,
  ];
}

function likeness(report: EvaluationReport): string[] {
  const { psnr, psnrMean, ceilingPsnr, copyFirstPsnr, intervals } = report;
  const { ssim, ssimMean, ceilingSsim, copyFirstSsim, seeds, anotherExecution } = report;
  const shown = (digits: number, [low, high]: Interval): string =>
    `${low.toFixed(digits)} to ${high.toFixed(digits)}`;
  const row = (label: string, digits: number, values: readonly number[], interval: Interval): string => {
    const cells = values.map((value) => value.toFixed(digits).padStart(9)).join('   ');
    return `${label.padEnd(LABEL)}${cells}   ${shown(digits, interval)}`;
  };
  return [
    `${'whole clip'.padEnd(LABEL)}${`best of ${seeds}`.padStart(9)}        mean     ceiling   1st frame   95 % interval of the best`,
    row('PSNR, dB', 2, [psnr, psnrMean, ceilingPsnr, copyFirstPsnr], intervals.psnr),
    row('SSIM', 4, [ssim, ssimMean, ceilingSsim, copyFirstSsim], intervals.ssim),
    ...(anotherExecution === undefined
      ? []
      : [
          `truth, executed again: ${anotherExecution.psnr.toFixed(2)} dB (${shown(2, anotherExecution.intervals.psnr)}), SSIM ${anotherExecution.ssim.toFixed(4)} (${shown(4, anotherExecution.intervals.ssim)}), n = ${anotherExecution.count}`,
        ]),
  ];
}

function sweep({ sweep: rows }: EvaluationReport): string[] {
  if (rows === undefined) return [];
  return [
    '',
    'sampler    frame   text   steps   following        95 % interval    colour   PSNR, dB     95 % interval   clips   ms a clip',
    ...rows.map((row) =>
      [
        row.sampler.padEnd(8),
        String(row.frameGuidance).padStart(5),
        String(row.textGuidance).padStart(4),
        String(row.numInferenceSteps).padStart(5),
        percent(row.following).padStart(9),
        row.interval.map(percent).join(' to '),
        percent(row.followingByColour),
        row.psnr.toFixed(2).padStart(8),
        row.intervals.psnr
          .map((bound) => bound.toFixed(2))
          .join(' to ')
          .padStart(15),
        String(row.count).padStart(5),
        row.msPerClip.toFixed(0).padStart(9),
      ].join('   '),
    ),
  ];
}
