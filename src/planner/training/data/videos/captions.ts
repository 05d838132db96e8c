/** What happens in a folder's videos, as their data sets write it down. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { parse as parseCsv } from 'csv-parse/sync';
import { z } from 'zod';
import { AidError } from '../../../errors.js';

export interface Caption {
  /** A file name with or without its ending, or a folder: then every video in it. */
  readonly video: string;
  readonly text: string;
  /** Seconds from the video's start, where only a part of it is meant. */
  readonly start?: number;
  readonly stop?: number;
}

const text = z.union([z.string(), z.number().transform(String)]);
const named = z.record(z.string(), z.string());
const row = z.record(z.string(), z.unknown());

const VIDEO_KEYS = ['video', 'file_name', 'file', 'path', 'video_id', 'id'];
const TEXT_KEYS = ['caption', 'text', 'instruction', 'narration', 'label'];
const START_KEYS = ['start', 'start_seconds', 'start_timestamp'];
const STOP_KEYS = ['stop', 'end', 'stop_seconds', 'stop_timestamp'];

/**
 * Reads a captions file:
 * - JSON `[{"id": "78687", "label": "holding a bottle"}, ...]`, as Something-Something V2 has it;
 * - JSON `{"ApplyEyeMakeup": "a person applies eye makeup", ...}`: a sentence for each folder or video, as UCF-101
 *   needs it;
 * - CSV with a header, as EPIC-KITCHENS-100 (`video_id, start_timestamp, stop_timestamp, narration`) or with
 *   columns such as `file_name, text`; the same as JSON, an object a line.
 * Errors: `invalid-data`, naming the file and the row.
 */
export function readCaptions(file: string): Caption[] {
  const fail = (what: string, cause?: unknown): never => {
    throw new AidError('invalid-data', `${file}: ${what}`, { cause });
  };
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    return fail(missing ? 'no such file' : `could not be read: ${(cause as Error).message}`, cause);
  }
  let parsed: unknown;
  try {
    parsed = contentOf(content, extname(file).toLowerCase());
  } catch (cause) {
    return fail(`not captions: ${(cause as Error).message.split('\n', 1)[0]}`, cause);
  }
  if (!Array.isArray(parsed)) {
    const sentences = named.safeParse(parsed);
    if (!sentences.success) return fail('expected a list, or an object of names and sentences');
    return Object.entries(sentences.data).map(([video, sentence]) => ({ video, text: sentence.trim() }));
  }
  return parsed.map((each, index) => {
    const fields = row.safeParse(each);
    const video = text.safeParse(fieldOf(fields.data, VIDEO_KEYS));
    const said = text.safeParse(fieldOf(fields.data, TEXT_KEYS));
    if (!video.success || !said.success || said.data.trim() === '')
      return fail(
        `row ${index + 1}: expected one of ${VIDEO_KEYS.join(', ')} and one of ${TEXT_KEYS.join(', ')}`,
      );
    const [start, stop] = [START_KEYS, STOP_KEYS].map((keys) => secondsOf(fieldOf(fields.data, keys)));
    if (Number.isNaN(start) || Number.isNaN(stop))
      return fail(`row ${index + 1}: expected times as seconds or 00:00:01.089`);
    return {
      video: video.data,
      text: said.data.trim(),
      ...(start === undefined ? {} : { start }),
      ...(stop === undefined ? {} : { stop }),
    };
  });
}

function contentOf(content: string, ending: string): unknown {
  if (ending === '.json') return JSON.parse(content);
  if (ending === '.jsonl')
    return content
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line): unknown => JSON.parse(line));
  return parseCsv(content, { columns: true, skip_empty_lines: true, bom: true, trim: true });
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
