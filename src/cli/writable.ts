/** Whether something can be written to a place, asked before anybody waits for what is to be written. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AidError } from '../planner/errors.js';

/** For a file or folder that need not be there yet, nor those above it. Errors: `io-failed`. */
export function checkWritable(path: string): void {
  let place = dirname(resolve(path));
  while (!existsSync(place)) place = dirname(place);
  if (!statSync(place).isDirectory())
    throw new AidError('io-failed', `${path}: could not be written: ${place} is no folder`);
  for (const each of existsSync(path) ? [place, path] : [place]) {
    try {
      accessSync(each, constants.W_OK);
    } catch (cause) {
      throw new AidError('io-failed', `${path}: could not be written: ${reasonOf(cause)}`, { cause });
    }
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
