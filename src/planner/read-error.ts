import { AidError, type AidErrorCode } from './errors.js';

/** Of the path itself: there is none, it is of another kind, or not for this user. */
const OF_THE_PATH = [
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EACCES',
  'EPERM',
  'ELOOP',
  'ENAMETOOLONG',
] as const satisfies readonly string[];

/**
 * The error for what could not be read: `io-failed` where the machine failed, such as by a full disk, one that is
 * broken, or too many open files; else `code`, as what was read is itself no good.
 */
export function readError(code: AidErrorCode, message: string, cause: unknown): AidError {
  return new AidError(isMachineFailure(cause) ? 'io-failed' : code, message, { cause });
}

/** Errors of the system's calls have its name; those of a format have none. */
function isMachineFailure(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('syscall' in error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return !OF_THE_PATH.some((each) => each === code);
}
