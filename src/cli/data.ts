/** `aid data inspect SOURCE`: what is in a data set, what a run would use of it, and what it would skip and why. */
import { Command, InvalidArgumentError } from 'commander';
import { writeFileAtomically } from '../planner/atomic-file.js';
import { extent } from '../planner/extent.js';
import { clipLength } from '../planner/training/data/clip-length.js';
import type { DataHints } from '../planner/training/data/detect-data.js';
import { type DataInspection, inspectData } from '../planner/training/data/inspect.js';
import { tokenizerOf } from '../planner/training/run.js';
import { textProblems } from '../planner/training/text-fit.js';
import { openBase } from '../planner/weights/model-folder.js';
import { dataHintOptions, dataSelection } from './data-hints.js';
import { interruptible } from './interruption.js';
import { wholeNumber } from './options.js';
import { type Progress, progressLine } from './progress.js';
import { note, say, sayJson } from './terminal.js';

interface InspectFlags extends DataHints {
  readonly frames?: number;
  readonly size?: { readonly width: number; readonly height: number };
  readonly limit?: number;
  readonly sheet?: string;
  readonly rows: number;
  readonly json?: true;
}

const SIZE = { width: 128, height: 128 };
/** Longer lists are in the JSON. */
const SHOWN = 20;

export function dataCommand(): Command {
  const inspect = new Command('inspect')
    .description('tell what is in recordings, what a run would use of them, and what it would skip and why')
    .argument('<source>', "a training run's config file, a folder of recordings, or a bag")
    .option(
      '--frames <n>',
      "frames of a clip (default: the config's, or 12 of videos with a caption each, else 16)",
      wholeNumber(1),
    )
    .option('--size <WxH>', "pixels of a clip (default: the config's, or 128x128)", pixelSize)
    .option('--limit <n>', 'open only the first n recordings', wholeNumber(1))
    .option('--sheet <file>', 'also draw a contact sheet, a clip in each row, to this PNG file')
    .option('--rows <n>', 'clips on the contact sheet', wholeNumber(1), 12)
    .option('--json', 'print all that was found as JSON and nothing else')
    .action((source: string, flags: InspectFlags) =>
      interruptible(async (abortSignal) => {
        const progress = progressLine();
        try {
          await run(source, flags, progress, abortSignal);
        } finally {
          progress.end();
        }
      }),
    );
  for (const option of dataHintOptions()) inspect.addOption(option);
  return new Command('data').description('look at recordings before training on them').addCommand(inspect);
}

async function run(
  source: string,
  flags: InspectFlags,
  progress: Progress,
  abortSignal: AbortSignal,
): Promise<void> {
  const config = dataSelection(source, flags);
  const options = {
    numFrames: flags.frames ?? config.numFrames ?? clipLength(config.data),
    frame: flags.size ?? config.frame ?? SIZE,
    limit: flags.limit,
    rows: flags.rows,
    texts:
      config.texts === undefined
        ? undefined
        : { ...config.texts, tokenizer: await tokenizerOf(openBase(config.texts.base), config.texts) },
    abortSignal,
  };
  for await (const event of inspectData(config.data, options)) {
    if (event.kind === 'recording') {
      progress.step(event.done, event.total, 'opening recordings');
      continue;
    }
    progress.end();
    const { inspection, sheet } = event;
    if (flags.sheet !== undefined && sheet !== undefined)
      await writeFileAtomically(flags.sheet, (file) => file.writeFile(sheet));
    if (flags.json === true) sayJson(inspection);
    else for (const line of inspectionLines(inspection, flags.sheet)) say(line);
    if (inspection.episodes.length === 0) {
      note(`aid: ${inspection.folder}: nothing in it can be used`);
      process.exitCode = 1;
    }
  }
}

function inspectionLines(inspection: DataInspection, sheet: string | undefined): string[] {
  const { folder, recordings, opened, total, episodes, skipped, numFrames, sheetRows } = inspection;
  const looked = opened < total ? `; the first ${opened} were opened` : '';
  const lines = [
    `${folder}: ${recordings}${looked}`,
    row('episodes', `${episodes.length} usable, ${skipped.length} skipped`),
  ];
  if (episodes.length > 0) {
    const counts = episodes.map(({ frameCount }) => frameCount);
    const rates = episodes.flatMap(({ framesPerSecond }) => framesPerSecond ?? []);
    const sizes = [...new Set(episodes.map(({ width, height }) => `${width}x${height}`))];
    const [longest] = episodes.toSorted((a, b) => b.frameCount - a.frameCount);
    const short = counts.filter((count) => count < numFrames).length;
    lines.push(
      row(
        'pictures',
        `${sizes.join(', ')}; ${range(counts, 0)} an episode${rates.length > 0 ? `, ${range(rates, 1)} a second` : ''}`,
      ),
      row('a clip', `${numFrames} frames; of ${longest?.frameCount} these: ${longest?.used.join(' ')}`),
      ...(short === 0
        ? []
        : [row('too short', `${short} with fewer than ${numFrames} frames: some of theirs count twice`)]),
      ...instructionLines(inspection),
    );
  }
  if (skipped.length > 0) {
    lines.push('skipped');
    for (const { reason } of skipped.slice(0, SHOWN)) lines.push(`  ${reason}`);
    if (skipped.length > SHOWN) lines.push(`  and ${skipped.length - SHOWN} more, see --json`);
  }
  if (sheet !== undefined && sheetRows.length > 0) {
    lines.push(`${sheet}, from the top`);
    for (const place of sheetRows) lines.push(`  ${episodes[place]?.instruction}`);
  }
  return lines;
}

function instructionLines({ episodes, textFit }: DataInspection): string[] {
  const counts = new Map<string, number>();
  for (const { instruction } of episodes) counts.set(instruction, (counts.get(instruction) ?? 0) + 1);
  const words = new Set(
    [...counts.keys()].flatMap((text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []),
  );
  const [first, ...others] = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, 5);
  const shown = (entry: readonly [string, number] | undefined): string => `${entry?.[1]} x "${entry?.[0]}"`;
  return [
    row('instructions', `${counts.size} different ones of ${words.size} words`),
    row('', shown(first)),
    ...others.map((entry) => row('', shown(entry))),
    ...(textFit === undefined ? [] : textProblems(textFit).map((problem) => row('warning', problem))),
  ];
}

const row = (label: string, text: string): string => `  ${label.padEnd(14)}${text}`;

function range(values: readonly number[], digits: number): string {
  const [low, high] = extent(values).map((value) => value.toFixed(digits));
  return low === high ? `${low}` : `${low} to ${high}`;
}

function pixelSize(text: string): { width: number; height: number } {
  const [, width, height = width] = /^(\d{1,5})(?:x(\d{1,5}))?$/.exec(text) ?? [];
  if (width !== undefined && Number(width) >= 8 && Number(height) >= 8)
    return { width: Number(width), height: Number(height) };
  throw new InvalidArgumentError('Expected WxH pixels, such as 128x128.');
}
