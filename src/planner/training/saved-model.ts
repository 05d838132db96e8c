/**
 * The model folder of a run: a link to the folder of its last save. A link is replaced in one step, so that whoever
 * opens the folder, also after the trainer was killed, finds the whole model of one step.
 */
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { AidError } from '../errors.js';

/** Where the folders of the last two saves lie, beside the link: `models/step-000200` for `model`. */
const SAVES = 'models';

/**
 * Saves a model under a name of its own, such as `step-000200`, and makes `path` a link to it. `write` fills an empty
 * folder; it may read the folder of the save before, which stays until the next one: whoever opened it can go on
 * loading from it. Only one process may save to a path at a time. Errors: `io-failed`, and those of `write`; what
 * `path` led to then stays as it is.
 */
export async function saveModel(
  path: string,
  name: string,
  write: (draft: string, previous: string | undefined) => Promise<void>,
): Promise<void> {
  const saves = join(dirname(path), SAVES);
  const draft = join(saves, `${name}.part`);
  try {
    const previous = existsSync(path) ? realpathSync(path) : undefined;
    await mkdir(saves, { recursive: true });
    await removeAllBut(realpathSync(saves), previous);
    await mkdir(draft);
    await write(draft, previous);
    // A run that was killed after a save and before its checkpoint makes the same save again.
    const [folder = draft] = [name, `${name}-again`]
      .map((each) => join(saves, each))
      .filter((each) => !existsSync(each));
    await rename(draft, folder);
    await pointTo(path, folder);
  } catch (cause) {
    // What kept it from being written may keep it from being removed, too.
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    if (AidError.isInstance(cause)) throw cause;
    throw new AidError('io-failed', `${path}: could not be saved: ${(cause as Error).message}`, { cause });
  }
}

async function removeAllBut(saves: string, kept: string | undefined): Promise<void> {
  for (const name of await readdir(saves)) {
    const each = join(saves, name);
    if (each !== kept) await rm(each, { recursive: true, force: true });
  }
}

async function pointTo(path: string, folder: string): Promise<void> {
  const draft = `${path}.part`;
  await rm(draft, { force: true });
  // Relative, so that a run's output can be moved. Windows makes a junction, which needs no privilege.
  await symlink(relative(dirname(path), folder), draft, 'junction');
  try {
    await rename(draft, path);
  } catch {
    // No link takes the place of a folder, which trainers wrote before: it becomes the save before.
    await rename(path, join(dirname(folder), 'before'));
    await rename(draft, path);
  }
}
