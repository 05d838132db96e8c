/** Removing what is no longer wanted. It never fails: what went wrong before is what people have to hear of. */
import { rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Removes a file, or a folder with all that is in it, where that can be done. */
export async function removeQuietly(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}

/** From `folder` up to `last`, as far as they are empty. */
export async function removeEmptyFolders(folder: string, last: string): Promise<void> {
  for (let current = folder; current.length >= last.length; current = dirname(current)) {
    try {
      await rmdir(current);
    } catch {
      return;
    }
  }
}
