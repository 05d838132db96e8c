/** An ablation's results as a table and a plot. */
import type { AblationResult } from './ablate.js';

const TITLES: Readonly<Record<number, string>> = {
  2: 'Condition (the rows of Table 2)',
  3: 'Adapters (the rows of Table 3)',
};

/** Markdown, a table for each of the paper's. */
export function ablationTable(results: readonly AblationResult[]): string {
  const [any] = results;
  const lines = [
    `Every row: ${any?.steps} training steps on the same data and seed, ${any?.scenes} scenes. Chance ${percent(any?.chance ?? Number.NaN)}; the first frame copied ${any?.copyFirstPsnr.toFixed(2)} dB; the truth through the autoencoder ${any?.ceilingPsnr.toFixed(2)} dB. In brackets: 95 % intervals over scenes. ${reading(results)}`,
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

const percent = (rate: number): string => `${(100 * rate).toFixed(1)} %`;

const [ROW, LABEL, PANEL, GAP, TOP] = [28, 150, 300, 50, 50];

/** SVG: for every row how often the command is followed, and PSNR, each with its interval. */
export function ablationPlot(results: readonly AblationResult[]): string {
  const height = TOP + ROW * results.length + 30;
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
      low: 0,
      high: 1,
      shown: percent,
    },
    {
      title: 'PSNR, dB',
      of: ({ psnr }: AblationResult) => psnr,
      ...rangeOf(results),
      shown: (x: number) => x.toFixed(1),
    },
  ];
  panels.forEach(({ title, of, low, high, shown }, panel) => {
    const left = LABEL + panel * (PANEL + GAP);
    const x = (value: number): number => left + ((value - low) / (high - low || 1)) * PANEL;
    parts.push(text(left, 20, title, 'start'));
    for (const value of [low, high]) parts.push(text(x(value), height - 8, shown(value), 'middle'));
    parts.push(
      `<line x1="${left}" x2="${left + PANEL}" y1="${height - 24}" y2="${height - 24}" stroke="#888"/>`,
    );
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
  return `${[...parts, '</svg>'].join('\n')}\n`;
}

const rowAt = (index: number): number => TOP + ROW * index;

function rangeOf(results: readonly AblationResult[]): { low: number; high: number } {
  const bounds = results.flatMap(({ psnr }) => psnr.interval);
  return { low: Math.floor(Math.min(...bounds)), high: Math.ceil(Math.max(...bounds)) };
}

function text(x: number, y: number, content: string, anchor: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`;
}
