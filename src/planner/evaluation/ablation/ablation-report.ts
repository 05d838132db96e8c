/** An ablation's results as a table and a plot. */
import type { AblationResult } from './ablate.js';

const TITLES: Readonly<Record<number, string>> = {
  2: 'Condition (the rows of Table 2)',
  3: 'Adapters (the rows of Table 3)',
};

/** Markdown, a table for each of the paper's. */
export function ablationTable(results: readonly AblationResult[]): string {
  const [first] = results;
  const lines = [
    `Every row: ${first?.steps} training steps on the same data and seed, ${first?.scenes} scenes. In brackets: 95 % intervals over scenes. ${reading(results)}`,
  ];
  for (const table of [2, 3]) {
    const rows = results.filter(({ tables }) => tables.includes(table));
    if (rows.length === 0) continue;
    lines.push(
      '',
      `### ${TITLES[table]}`,
      '',
      '| | trained numbers | loss | command followed | other command followed | PSNR, dB | SSIM |',
      '|---|---|---|---|---|---|---|',
      ...rows.map(
        ({ label, trainedNumbers, loss, following, swappedFollowing, psnr, ssim }) =>
          `| ${[
            label,
            trainedNumbers.toLocaleString('en'),
            loss.toFixed(4),
            `${percent(following.value)} (${following.interval.map(percent).join(' to ')})`,
            percent(swappedFollowing.value),
            `${psnr.value.toFixed(2)} (${psnr.interval.map((bound) => bound.toFixed(2)).join(' to ')})`,
            ssim.value.toFixed(4),
          ].join(' | ')} |`,
      ),
      ...references(first).map(
        ({ label, following, psnr, ssim }) =>
          `| *${label}* | | | ${percent(following)} | | ${psnr?.toFixed(2) ?? ''} | ${ssim?.toFixed(4) ?? ''} |`,
      ),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** What the numbers allow to be said. */
function reading(results: readonly AblationResult[]): string {
  const full = results.find(({ name }) => name === 'full');
  if (full === undefined) return '';
  const [low] = full.following.interval;
  const worse = results.filter(({ following }) => following.interval[1] < low).map(({ label }) => label);
  return `Commands followed less than by AID, the intervals apart: ${worse.length === 0 ? 'by no row' : worse.join(', ')}.`;
}

interface ReferenceLine {
  readonly label: string;
  readonly following: number;
  readonly psnr?: number;
  readonly ssim?: number;
  /** Of its line in the plot. */
  readonly dashes: string;
}

/** The same for every row, which all have the same scenes and autoencoder. */
function references(first: AblationResult | undefined): ReferenceLine[] {
  if (first === undefined) return [];
  return [
    { label: 'chance', following: first.chance, dashes: '2 3' },
    { label: 'first frame copied', ...first.copyFirst, dashes: '7 4' },
    { label: 'truth, autoencoded', ...first.ceiling, dashes: '12 3 2 3' },
  ];
}

const percent = (rate: number): string => `${(100 * rate).toFixed(1)} %`;

const [ROW, LABEL, PANEL, GAP, TOP] = [28, 150, 300, 50, 50];

/** SVG: for every row how often the command is followed, and PSNR, each with its interval, and what to compare with. */
export function ablationPlot(results: readonly AblationResult[]): string {
  const bottom = TOP + ROW * results.length + 6;
  const height = bottom + 50;
  const lines = references(results[0]);
  const width = LABEL + 2 * PANEL + GAP + 20;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
  ];
  results.forEach(({ label }, index) => {
    parts.push(text(LABEL - 10, rowAt(index) + 4, label, 'end'));
  });
  const panels = [
    {
      title: 'command followed',
      of: ({ following }: AblationResult) => following,
      reference: ({ following }: ReferenceLine): number | undefined => following,
      low: 0,
      high: 1,
      shown: percent,
    },
    {
      title: 'PSNR, dB',
      of: ({ psnr }: AblationResult) => psnr,
      reference: ({ psnr }: ReferenceLine) => psnr,
      ...rangeOf(results, lines),
      shown: (x: number) => x.toFixed(1),
    },
  ];
  panels.forEach(({ title, of, reference, low, high, shown }, panel) => {
    const left = LABEL + panel * (PANEL + GAP);
    const x = (value: number): number => left + ((value - low) / (high - low || 1)) * PANEL;
    parts.push(text(left, 20, title, 'start'));
    for (const value of [low, high]) parts.push(text(x(value), bottom + 16, shown(value), 'middle'));
    parts.push(`<line x1="${left}" x2="${left + PANEL}" y1="${bottom}" y2="${bottom}" stroke="#888"/>`);
    for (const line of lines) {
      const value = reference(line);
      if (value !== undefined) parts.push(dashed(line, [x(value), TOP - 16], [x(value), bottom]));
    }
    results.forEach((result, index) => {
      const { value, interval } = of(result);
      const colour = index === 0 ? '#1769aa' : '#c2570c';
      const y = rowAt(index);
      const [from, to] = interval.map(x) as [number, number];
      parts.push(
        `<line x1="${from}" x2="${to}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="3" opacity="0.5"/>`,
      );
      parts.push(`<circle cx="${x(value)}" cy="${y}" r="5" fill="${colour}"/>`);
    });
  });
  lines.forEach((line, index) => {
    const [left, y] = [LABEL + index * 200, height - 10];
    parts.push(dashed(line, [left, y - 4], [left + 36, y - 4]), text(left + 42, y, line.label, 'start'));
  });
  return `${[...parts, '</svg>'].join('\n')}\n`;
}

function dashed({ dashes }: ReferenceLine, from: readonly number[], to: readonly number[]): string {
  const [[x1, y1], [x2, y2]] = [from, to];
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#555" stroke-dasharray="${dashes}"/>`;
}

const rowAt = (index: number): number => TOP + ROW * index;

function rangeOf(
  results: readonly AblationResult[],
  lines: readonly ReferenceLine[],
): { low: number; high: number } {
  const bounds = [
    ...results.flatMap(({ psnr }) => psnr.interval),
    ...lines.flatMap(({ psnr }) => psnr ?? []),
  ];
  return { low: Math.floor(Math.min(...bounds)), high: Math.ceil(Math.max(...bounds)) };
}

function text(x: number, y: number, content: string, anchor: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`;
}
