/** Files of a data set: listed in the order of their numbers, described by name, size and time. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { AidError } from '../../errors.js';
import { readError } from '../../read-error.js';
import { orSkipped, type SkippedEpisode } from './episode.js';

/** `im_2` before `im_10`. */
export const byNumber: (a: string, b: string) => number = new Intl.Collator('en', { numeric: true }).compare;

/** The names in a folder, sorted as computers do. Errors: `invalid-data`, `io-failed`. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const what: Readonly<Record<string, string>> = {
      ENOENT: 'no such folder',
      ENOTDIR: 'expected a folder, got a file',
    };
    throw readError(
      'invalid-data',
      `${folder}: ${what[code ?? ''] ?? `could not be read: ${message}`}`,
      cause,
    );
  }
}

/** What is in a folder, hidden files and folders left out. */
export interface Entry {
  readonly name: string;
  readonly path: string;
  readonly isFolder: boolean;
}

/**
 * By number. What may not be looked at is told in `skipped`, and so are links that only lead around in circles or to
 * what is listed beside them. Errors: those of `namesIn`.
 */
export function entriesIn(folder: string, skipped: SkippedEpisode[]): Entry[] {
  const names = namesIn(folder).filter((name) => !name.startsWith('.'));
  return names.sort(byNumber).flatMap((name) => {
    const path = join(folder, name);
    return orSkipped(path, skipped, () => {
      const entry = { name, path, isFolder: isFolder(path) };
      if (entry.isFolder && lstatSync(path).isSymbolicLink()) checkLink(folder, path);
      return [entry];
    });
  });
}

/** Such as a recorder's `latest`. Errors: `invalid-data` for one into the folder that it is in, or out of it upwards. */
function checkLink(folder: string, path: string): void {
  const [here, there] = [realpathSync(folder), realpathSync(path)];
  const isIn = (inner: string, outer: string): boolean => `${inner}${sep}`.startsWith(`${outer}${sep}`);
  if (isIn(there, here) || isIn(here, there))
    throw new AidError('invalid-data', `${path}: a link to ${there}, which is listed without it`);
}

/** Errors: `invalid-data` where it may not be looked at, `io-failed`. */
export function isFolder(path: string): boolean {
  return statOf(path)?.isDirectory() === true;
}

/** Undefined where there is nothing. Errors: `invalid-data` where it may not be looked at, `io-failed`. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw readError('invalid-data', `${path}: could not be read: ${(cause as Error).message}`, cause);
  }
}

/** A `Recording`'s `id`: its path below the set's folder as a file name, and a hash, as `a-b/c` is not `a/b-c`. */
export function idOf(folder: string, path: string): string {
  const place = relative(folder, path).split(sep).join('/');
  const readable = (place === '' ? basename(folder) : place).replaceAll('/', '-');
  return `${readable.slice(-LONGEST)}.${hashOf(place).slice(0, 8)}`;
}

/** File names have 255 bytes at most, and characters up to three. */
const LONGEST = 70;

/**
 * `Recording`'s `content` and `stamp` of one that consists of these files, missing ones among them. `reading`: all that
 * decides what is read of them. Errors: those of `isFolder`.
 */
export function describeFiles(
  name: string,
  files: readonly string[],
  reading: Readonly<Record<string, unknown>>,
): { readonly content: string; readonly stamp: string } {
  const stats = files.map((file) => ({ file, stat: statOf(file) }));
  const written = stats.map(({ file, stat }) => [basename(file), stat?.size, stat?.mtimeMs]);
  return {
    content: `${name} ${stats.map(({ stat }) => stat?.size).join('+')}`,
    stamp: hashOf(JSON.stringify({ ...reading, files: written })).slice(0, 32),
  };
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
