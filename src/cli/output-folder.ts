/** Folders of results that are either whole or not there. */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AidError } from '../planner/errors.js';

/** One of these says that a folder holds an earlier result. */
const MARKS = ['clip.json', 'candidates.json'];
/** What a result consists of; nothing else in a folder is ever touched. */
const OURS = /^(clip\.(json|webp)|candidates\.json|(filmstrip|steps)\.png|frames|seed-\d+)$/;

/**
 * Refuses a folder that holds anything, so that nobody's files are mixed with ours; `force` allows an earlier
 * result to be replaced. Errors: `invalid-argument`, `io-failed`.
 */
export function checkOutputFolder(path: string, { force }: { force: boolean }): void {
  checkWritable(path);
  if (!existsSync(path)) return;
  if (!statSync(path).isDirectory())
    throw new AidError('invalid-argument', `${path}: expected a folder to write to, got a file`);
  if (readdirSync(path).length === 0) return;
  const isOurs = MARKS.some((mark) => existsSync(join(path, mark)));
  if (isOurs && force) return;
  throw new AidError(
    'invalid-argument',
    isOurs
      ? `${path}: holds an earlier result; --force replaces it`
      : `${path}: expected an empty folder, and what is in it is not an earlier result`,
  );
}

/** Before anybody waits for a clip that cannot be written. */
function checkWritable(path: string): void {
  let place = resolve(path);
  while (!existsSync(place)) place = dirname(place);
  try {
    accessSync(place, constants.W_OK);
  } catch (cause) {
    throw new AidError('io-failed', `${path}: could not be written: ${reasonOf(cause)}`, { cause });
  }
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
    if (AidError.isInstance(cause)) throw cause;
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
    await rm(draft, { recursive: true, force: true });
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
    for (const { from, to } of moves.toReversed()) await rename(to, from);
    throw error;
  } finally {
    for (const folder of [draft, old]) await rm(folder, { recursive: true, force: true });
  }
}

/** From `folder` up to `last`, as far as they are empty. */
async function removeEmptyFolders(folder: string, last: string): Promise<void> {
  for (let current = folder; current.length >= last.length; current = dirname(current)) {
    try {
      await rmdir(current);
    } catch {
      return;
    }
  }
}

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
      return 'the disk is full';
    case 'EDQUOT':
      return 'the disk quota is used up';
    case 'EFBIG':
      return 'a file may not become that large here';
    case 'EACCES':
    case 'EPERM':
      return 'not allowed';
    case 'EROFS':
      return 'the disk is read-only';
    default:
      return message;
  }
}
