/** Files of a data set: listed in the order of their numbers, described by name, size and time. */
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { basename, relative, sep } from 'node:path';
import { AidError } from '../../errors.js';

/** `im_2` before `im_10`. */
export const byNumber: (a: string, b: string) => number = new Intl.Collator('en', { numeric: true }).compare;

/** The names in a folder, sorted as computers do. Errors: `invalid-data`. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'no such folder' : `could not be read: ${message}`;
    throw new AidError('invalid-data', `${folder}: ${what}`, { cause });
  }
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** A `Recording`'s `id`: its path below the set's folder as a file name, and a hash, as `a-b/c` is not `a/b-c`. */
export function idOf(folder: string, path: string): string {
  const place = relative(folder, path).split(sep).join('/');
  const readable = (place === '' ? basename(folder) : place).replaceAll('/', '-');
  return `${readable.slice(-LONGEST)}.${hashOf(place).slice(0, 8)}`;
}

/** File names have 255 bytes at most, and characters up to three. */
const LONGEST = 70;

/** `Recording`'s `content` and `stamp` of one that consists of these files. `reading`: all that decides what is read of them. */
export function describeFiles(
  name: string,
  files: readonly string[],
  reading: Readonly<Record<string, unknown>>,
): { readonly content: string; readonly stamp: string } {
  const stats = files.map((file) => ({ file, stat: statSync(file, { throwIfNoEntry: false }) }));
  const written = stats.map(({ file, stat }) => [basename(file), stat?.size, stat?.mtimeMs]);
  return {
    content: `${name} ${stats.map(({ stat }) => stat?.size).join('+')}`,
    stamp: hashOf(JSON.stringify({ ...reading, files: written })).slice(0, 32),
  };
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
