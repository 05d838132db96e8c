/** Files of a data set: listed in the order of their numbers, described by name and size. */
import { readdirSync, type Stats, statSync } from 'node:fs';
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

/** `Recording`'s `content` and `stamp` of one that consists of these files. */
export function describeFiles(
  id: string,
  files: readonly string[],
): { readonly content: string; readonly stamp: string } {
  const stats: (Stats | undefined)[] = files.map((file) => statSync(file, { throwIfNoEntry: false }));
  return {
    content: `${id} ${stats.map((each) => each?.size).join('+')}`,
    stamp: stats.map((each) => `${each?.size} bytes of ${each?.mtimeMs}`).join(', '),
  };
}
