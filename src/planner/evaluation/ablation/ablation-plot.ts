/** An ablation's rows against AID as a picture. */
import type { AblationResult } from './ablation-result.js';
import { type Comparison, compareWithAid, MEASURES, type Measure, signed } from './comparison.js';
import { NEXT_SEED_ROW } from './rows.js';

const [ROW, LABEL, PANEL, GAP, TOP] = [28, 170, 190, 40, 40];
const COLOURS = { worse: '#c2570c', better: '#1769aa', open: '#777' } as const;
const PANELS: readonly Measure[] = [MEASURES.loss, MEASURES.gain, MEASURES.following, MEASURES.psnr];

/** SVG: each row's difference from AID and its paired interval. Undefined where there is nothing to compare. */
export function ablationPlot(results: readonly AblationResult[]): string | undefined {
  const panels = PANELS.map((measure) => ({ measure, rows: compareWithAid(results, measure) }));
  const labels = panels[0]?.rows ?? [];
  if (labels.length === 0) return undefined;
  const bottom = TOP + ROW * labels.length;
  const [width, height] = [LABEL + PANELS.length * (PANEL + GAP), bottom + 56];
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...labels.map(({ label, name }, index) => {
      const style = name === NEXT_SEED_ROW ? ' font-style="italic"' : '';
      return text(LABEL - 20, rowAt(index) + 4, label, `text-anchor="end"${style}`);
    }),
    ...panels.flatMap(({ measure, rows }, index) =>
      panel(LABEL + index * (PANEL + GAP), measure, rows, bottom),
    ),
    ...legend(height - 10),
  ];
  return `${[...parts, '</svg>'].join('\n')}\n`;
}

function panel(left: number, measure: Measure, rows: readonly Comparison[], bottom: number): string[] {
  const far = Math.max(...rows.flatMap(({ interval }) => interval.map(Math.abs))) || 1;
  const x = (value: number): number => left + (0.5 + value / (2 * far)) * PANEL;
  return [
    text(left, 20, `${measure.label}, minus AID's`),
    text(left, bottom + 16, signed(-far, measure)),
    text(x(0), bottom + 16, '0', 'text-anchor="middle"'),
    text(left + PANEL, bottom + 16, signed(far, measure), 'text-anchor="end"'),
    `<line x1="${left}" x2="${left + PANEL}" y1="${bottom}" y2="${bottom}" stroke="#888"/>`,
    `<line x1="${x(0)}" x2="${x(0)}" y1="${TOP - 10}" y2="${bottom}" stroke="#555" stroke-dasharray="2 3"/>`,
    ...rows.flatMap(({ difference, interval: [from, to], verdict }, index) => [
      `<line x1="${x(from)}" x2="${x(to)}" y1="${rowAt(index)}" y2="${rowAt(index)}" stroke="${COLOURS[verdict]}" stroke-width="3" opacity="0.5"/>`,
      `<circle cx="${x(difference)}" cy="${rowAt(index)}" r="5" fill="${COLOURS[verdict]}"/>`,
    ]),
  ];
}

function legend(y: number): string[] {
  const meanings = { worse: 'worse than AID', better: 'better than AID', open: 'not told apart' } as const;
  return (['worse', 'better', 'open'] as const).flatMap((verdict, index) => {
    const left = LABEL + 150 * index;
    return [
      `<rect x="${left}" y="${y - 10}" width="10" height="10" fill="${COLOURS[verdict]}"/>`,
      text(left + 16, y, meanings[verdict]),
    ];
  });
}

const rowAt = (index: number): number => TOP + ROW * (index + 0.5);

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${x}" y="${y}" ${attributes}>${content}</text>`;
}
