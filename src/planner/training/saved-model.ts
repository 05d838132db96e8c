/**
 * The model folder of a run: a link to the folder of its last save. A link is replaced in one step, so that whoever
 * opens the folder, also after the trainer was killed, finds the whole model of one step.
 */
import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync, type Stats } from 'node:fs';
import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { AidError } from '../errors.js';

/** Where the folders of the last two saves lie, beside the link: `models/step-000200` for `model`. */
const SAVES = 'models';

/** A save's folder, one that took its place after a kill, and one that was not finished: all that a run removes. */
const OWN = /^step-\d+(-again)?(\.part)?$/;

/**
 * Refuses to save where anything lies that no run has made, before it begins: it is someone else's. Errors:
 * `invalid-config`.
 */
export function checkModelFolder(path: string): void {
  const saves = join(dirname(path), SAVES);
  const refuse = (what: string): never => {
    throw new AidError('invalid-config', `output: ${what}; move that away, or choose another output folder`);
  };
  const found = statOf(saves);
  if (found?.isDirectory() === false)
    refuse(`expected a folder or nothing in the place of ${saves}, got a file or a link`);
  const [odd] =
    found === undefined ? [] : readdirSync(saves).filter((name) => !OWN.test(name) && !name.startsWith('.'));
  if (odd !== undefined) refuse(`expected nothing but saves of a run in ${saves}, got ${odd}`);
  const model = statOf(path);
  if (model !== undefined && !isLinkInto(path, model, saves))
    refuse(`expected a run's link to its last save or nothing in the place of ${path}, got something else`);
}

const statOf = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });

const isLinkInto = (path: string, stat: Stats, folder: string): boolean =>
  stat.isSymbolicLink() && dirname(resolve(dirname(path), readlinkSync(path))) === resolve(folder);

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
    await removeSaves(realpathSync(saves), previous);
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

async function removeSaves(saves: string, kept: string | undefined): Promise<void> {
  for (const name of await readdir(saves)) {
    const each = join(saves, name);
    if (OWN.test(name) && each !== kept) await rm(each, { recursive: true, force: true });
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
    // Windows puts no link in the place of another. A folder is not removed so: that is an error.
    await rm(path);
    await rename(draft, path);
  }
}
