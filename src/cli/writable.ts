/** Whether something can be written to a place, asked before anybody waits for what is to be written. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AidError } from '../planner/errors.js';

/** For a file or folder that need not be there yet, nor those above it. Errors: `io-failed`. */
export function checkWritable(path: string): void {
  checkFolder(dirname(resolve(path)), path);
  if (existsSync(path)) checkAccess(path, path);
}

/** For a folder that files are put into, and that need not be there yet. Errors: `io-failed`. */
export function checkFolderWritable(path: string): void {
  checkFolder(resolve(path), path);
}

/** Also one that has to be made. `path` is what messages name. */
function checkFolder(folder: string, path: string): void {
  let place = folder;
  while (!existsSync(place)) place = dirname(place);
  if (!statSync(place).isDirectory())
    throw new AidError('io-failed', `${path}: could not be written: ${place} is no folder`);
  checkAccess(place, path);
}

function checkAccess(place: string, path: string): void {
  try {
    accessSync(place, constants.W_OK);
  } catch (cause) {
    throw new AidError('io-failed', `${path}: could not be written: ${reasonOf(cause)}`, { cause });
  }
}

/** What the operating system says, in words. */
export function reasonOf(cause: unknown): string {
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
