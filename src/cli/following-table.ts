/** How often commands are followed, as lines for people. */
import type { Following, FollowingFigures } from '../planner/evaluation/following.js';
import type { Interval } from '../planner/evaluation/intervals.js';

export const LABEL = 26;

/** Figures of an evaluation have more than those of a saved run. */
export interface ShownFollowing extends FollowingFigures {
  readonly ceilingFollowing?: number;
  readonly anotherExecution?: {
    readonly following: number;
    readonly intervals: { readonly following: Interval };
  };
  readonly intervals: FollowingFigures['intervals'] & { readonly ceilingFollowing?: Interval };
}

export function followingLines(figures: ShownFollowing): string[] {
  const { commanded, perFamily, heldOutWordings, swapped, blank, instructionFollowingMean } = figures;
  const { chance, copyFirstFollowing, ceilingFollowing, anotherExecution, intervals } = figures;
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
    rate('mean over all seeds', instructionFollowingMean.mean, instructionFollowingMean.interval),
    rate('chance', chance, intervals.chance),
    ...(anotherExecution === undefined
      ? []
      : [rate('truth, executed again', anotherExecution.following, anotherExecution.intervals.following)]),
    rate('first frame copied', copyFirstFollowing, intervals.copyFirstFollowing),
    ...(ceilingFollowing === undefined
      ? []
      : [rate('truth, autoencoded', ceilingFollowing, intervals.ceilingFollowing)]),
  ];
}

function row(label: string, { following, interval, followingByColour, count }: Following, more = ''): string {
  const cells = `${percent(followingByColour)}   ${String(count).padStart(5)}   ${more}`;
  return `${rate(label, following, interval)}   ${cells}`.trimEnd();
}

function rate(label: string, value: number, interval: Interval | undefined): string {
  const range = interval === undefined ? '' : `   ${percent(interval[0])} to ${percent(interval[1])}`;
  return `${label.padEnd(LABEL)}${percent(value)}${range}`;
}

/** ` 97.7 %` */
export function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`.padStart(7);
}
