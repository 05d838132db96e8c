/** Files that are either whole or not there. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { removeQuietly } from './clean-up.js';
import { AidError } from './errors.js';

/** Writes through a hidden file beside `path` and renames it into place once `write` is done. */
export async function writeFileAtomically(
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(draft, 'wx');
    try {
      await write(file);
      await file.sync();
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    await file.close();
    await rename(draft, path);
  } catch (cause) {
    await removeQuietly(draft);
    if (AidError.isInstance(cause)) throw cause;
    throw new AidError('io-failed', `${path}: could not be written: ${(cause as Error).message}`, { cause });
  }
}
