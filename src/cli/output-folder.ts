/** Folders of results that are either whole or not there. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { removeEmptyFolders, removeQuietly } from '../planner/clean-up.js';
import { AidError } from '../planner/errors.js';
import { checkWritable, reasonOf } from './writable.js';

/** One of these says that a folder holds an earlier result. */
const MARKS = ['clip.json', 'candidates.json'];
/** What a result consists of; nothing else in a folder is ever touched. */
const OURS = /^(clip\.(json|webp)|candidates\.json|(filmstrip|steps)\.png|frames|seed-\d+)$/;

/** Refuses a folder that holds anything. Errors: `invalid-argument`, `io-failed`. */
export function checkEmptyFolder(path: string): void {
  if (holdsAnything(path)) throw new AidError('invalid-argument', `${path}: expected an empty folder`);
}

/**
 * Refuses a folder that holds anything, so that nobody's files are mixed with ours; `force` allows an earlier
 * result to be replaced. Errors: `invalid-argument`, `io-failed`.
 */
export function checkOutputFolder(path: string, { force }: { readonly force: boolean }): void {
  if (!holdsAnything(path)) return;
  const isOurs = MARKS.some((mark) => existsSync(join(path, mark)));
  if (isOurs && force) return;
  throw new AidError(
    'invalid-argument',
    isOurs
      ? `${path}: holds an earlier result; --force replaces it`
      : `${path}: expected an empty folder, and what is in it is not an earlier result`,
  );
}

function holdsAnything(path: string): boolean {
  checkWritable(path);
  if (!existsSync(path)) return false;
  if (!statSync(path).isDirectory())
    throw new AidError('invalid-argument', `${path}: expected a folder to write to, got a file`);
  return readdirSync(path).length > 0;
}

/** The path, or the first of `path-2`, `path-3`... that is not taken. */
export function freePath(path: string): string {
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? path : `${path}-${count}`;
    if (!existsSync(candidate)) return candidate;
  }
}

/**
 * Lets `write` fill a hidden folder, which takes its place at `path` when all is there. When anything fails, nothing
 * is left, and what was at `path` is as it was. Errors: `io-failed`, and what `write` throws.
 */
export async function writeFolderAtomically(
  path: string,
  write: (draft: string) => Promise<void>,
): Promise<void> {
  const target = resolve(path);
  const mark = randomBytes(6).toString('hex');
  try {
    if (existsSync(target)) await fillFolder(target, mark, write);
    else await makeFolder(target, mark, write);
  } catch (cause) {
    // Only what the operating system refuses has to do with the folder.
    if (AidError.isInstance(cause) || (cause as NodeJS.ErrnoException).syscall === undefined) throw cause;
    throw new AidError('io-failed', `${path}: could not be written: ${reasonOf(cause)}`, { cause });
  }
}

async function makeFolder(
  target: string,
  mark: string,
  write: (draft: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(target);
  const draft = join(parent, `.${basename(target)}.${mark}.part`);
  const made = await mkdir(parent, { recursive: true });
  try {
    await mkdir(draft);
    await write(draft);
    await rename(draft, target);
  } catch (error) {
    await removeQuietly(draft);
    if (made !== undefined) await removeEmptyFolders(parent, made);
    throw error;
  }
}

/** Into a folder that exists, which may be a mounted disk or somebody's working directory: it stays the same one. */
async function fillFolder(
  target: string,
  mark: string,
  write: (draft: string) => Promise<void>,
): Promise<void> {
  const [draft, old] = [join(target, `.${mark}.part`), join(target, `.${mark}.old`)];
  const moves: { from: string; to: string }[] = [];
  let isOldElsewhere = false;
  const move = async (names: readonly string[], from: string, to: string): Promise<void> => {
    for (const name of names) {
      await rename(join(from, name), join(to, name));
      moves.push({ from: join(from, name), to: join(to, name) });
    }
  };
  try {
    await mkdir(draft);
    await write(draft);
    await mkdir(old);
    const names = await readdir(target);
    await move(
      names.filter((name) => OURS.test(name)),
      target,
      old,
    );
    await move(await readdir(draft), draft, target);
  } catch (error) {
    try {
      for (const { from, to } of moves.toReversed()) await rename(to, from);
    } catch (cause) {
      isOldElsewhere = true;
      const message = `${target}: could not be written: ${reasonOf(error)}; the earlier result is in ${old}`;
      throw new AidError('io-failed', message, { cause });
    }
    throw error;
  } finally {
    await removeQuietly(draft);
    if (!isOldElsewhere) await removeQuietly(old);
  }
}
