/** What happens in a folder's videos, as their data sets write it down. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { extname } from 'node:path';
import { parse as parseCsv } from 'csv-parse/sync';
import { z } from 'zod';
import { AidError } from '../../../errors.js';
import { readError } from '../../../read-error.js';
import type { SkippedEpisode } from '../episode.js';

export interface Caption {
  /** A file name with or without its ending, or a folder: then every video in it. */
  readonly video: string;
  readonly text: string;
  /** Seconds from the video's start, where only a part of it is meant. */
  readonly start?: number;
  readonly stop?: number;
}

const text = z.union([z.string(), z.number().transform(String)]);
const record = z.record(z.string(), z.unknown());

const VIDEO_KEYS = ['video', 'file_name', 'file', 'path', 'video_id', 'id'];
const TEXT_KEYS = ['caption', 'text', 'instruction', 'narration', 'label'];
const START_KEYS = ['start', 'start_seconds', 'start_timestamp'];
const STOP_KEYS = ['stop', 'end', 'stop_seconds', 'stop_timestamp'];

/** A row of a captions file, not yet looked at. */
interface Row {
  /** Such as `row 3`, for messages. */
  readonly where: string;
  readonly content: unknown;
}

export interface Captions {
  readonly captions: readonly Caption[];
  /** Rows that cannot be used. */
  readonly skipped: SkippedEpisode[];
}

/**
 * Reads a captions file:
 * - JSON `[{"id": "78687", "label": "holding a bottle"}, ...]`, as Something-Something V2 has it;
 * - JSON `{"ApplyEyeMakeup": "a person applies eye makeup", ...}`: a sentence for each folder or video, as UCF-101
 *   needs it;
 * - CSV with a header, as EPIC-KITCHENS-100 (`video_id, start_timestamp, stop_timestamp, narration`) or with
 *   columns such as `file_name, text`; the same as JSON, an object a line.
 * Errors: `invalid-data`, naming the file, and the first row where none can be used; `io-failed`.
 */
export function readCaptions(file: string): Captions {
  const fail = (what: string, cause: unknown): never => {
    throw readError('invalid-data', `${file}: ${what}`, cause);
  };
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    return fail(missing ? 'no such file' : `could not be read: ${(cause as Error).message}`, cause);
  }
  const skipped: SkippedEpisode[] = [];
  const skip = (where: string, { message }: Error): void => {
    skipped.push({ name: `${file}: ${where}`, reason: `${file}: ${where}: ${message.split('\n', 1)[0]}` });
  };
  let rows: readonly Row[];
  try {
    rows = rowsOf(content, extname(file).toLowerCase(), skip);
  } catch (cause) {
    return fail(`not captions: ${(cause as Error).message.split('\n', 1)[0]}`, cause);
  }
  const captions: Caption[] = [];
  for (const { where, content: each } of rows) {
    try {
      captions.push(captionOf(each));
    } catch (error) {
      skip(where, error as Error);
    }
  }
  const [first] = skipped;
  if (captions.length === 0 && first !== undefined) throw new AidError('invalid-data', first.reason);
  return { captions, skipped };
}

/** Errors: for a file that is no rows at all. `skip` is told of a row that cannot be read. */
function rowsOf(content: string, ending: string, skip: (where: string, error: Error) => void): Row[] {
  if (ending === '.json') {
    const parsed: unknown = JSON.parse(content);
    if (Array.isArray(parsed))
      return parsed.map((each, index) => ({ where: `row ${index + 1}`, content: each }));
    const named = record.safeParse(parsed);
    if (!named.success) throw new Error('expected a list, or an object of names and sentences');
    return Object.entries(named.data).map(([video, sentence]) => ({
      where: video,
      content: { video, text: sentence },
    }));
  }
  if (ending === '.jsonl')
    return content.split('\n').flatMap((line, index) => {
      const where = `line ${index + 1}`;
      try {
        return line.trim() === '' ? [] : [{ where, content: JSON.parse(line) as unknown }];
      } catch (error) {
        skip(where, error as Error);
        return [];
      }
    });
  const csv: { readonly info: { readonly lines: number }; readonly record: unknown }[] = parseCsv(content, {
    columns: true,
    skip_empty_lines: true,
    bom: true,
    trim: true,
    info: true,
    skip_records_with_error: true,
    on_skip: (error) => {
      if (error !== undefined) skip(`line ${String(error.lines)}`, error);
      return undefined;
    },
  });
  return csv.map(({ info: { lines }, record: each }) => ({ where: `line ${lines}`, content: each }));
}

/** Errors: what is expected of a row. */
function captionOf(row: unknown): Caption {
  const fields = record.safeParse(row);
  const video = text.safeParse(fieldOf(fields.data, VIDEO_KEYS));
  const said = text.safeParse(fieldOf(fields.data, TEXT_KEYS));
  if (!video.success || video.data === '' || !said.success || said.data.trim() === '')
    throw new Error(`expected one of ${VIDEO_KEYS.join(', ')} and one of ${TEXT_KEYS.join(', ')}`);
  const [start, stop] = [START_KEYS, STOP_KEYS].map((keys) => secondsOf(fieldOf(fields.data, keys)));
  if (Number.isNaN(start) || Number.isNaN(stop)) throw new Error('expected times as seconds or 00:00:01.089');
  return {
    video: video.data,
    text: said.data.trim(),
    ...(start === undefined ? {} : { start }),
    ...(stop === undefined ? {} : { stop }),
  };
}

/** Whether a file is an object of names and sentences, as far as its beginning tells. */
export function hasSentencesByName(file: string): boolean {
  if (extname(file).toLowerCase() !== '.json') return false;
  const start = Buffer.alloc(64);
  try {
    const opened = openSync(file, 'r');
    try {
      return start.toString('utf8', 0, readSync(opened, start)).trimStart().startsWith('{');
    } finally {
      closeSync(opened);
    }
  } catch {
    // `readCaptions` says what is wrong with it.
    return false;
  }
}

function fieldOf(fields: Readonly<Record<string, unknown>> | undefined, keys: readonly string[]): unknown {
  const key = keys.find((each) => fields !== undefined && Object.hasOwn(fields, each));
  return key === undefined ? undefined : fields?.[key];
}

/** Undefined where there is none, NaN where it is no time. */
function secondsOf(value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const parts = String(value).split(':').map(Number);
  return parts.length > 3 ? Number.NaN : parts.reduce((sum, part) => sum * 60 + part, 0);
}
