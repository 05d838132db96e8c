/** Lines to people and programs. */
import { relative } from 'node:path';

/** What the command was asked for, on stdout. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Anything else, on stderr. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function sayJson(value: unknown): void {
  say(JSON.stringify(value, null, 2));
}

/** A path as people type it: from where they are, unless it is somewhere else altogether. */
export function shownPath(path: string): string {
  const fromHere = relative('', path);
  return fromHere.startsWith('..') ? path : fromHere || '.';
}
