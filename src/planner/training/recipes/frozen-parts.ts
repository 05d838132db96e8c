/** The parts of a base that a run does not train, in the models that it saves. */
import { existsSync, realpathSync } from 'node:fs';
import { copyFile, link, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ModelFolder, PartName } from '../../weights/model-folder.js';

/**
 * `copy`: a model is whole in itself and can be shipped. `reference`: its `model_index.json` names the base, which
 * has to stay where it is. Unless said otherwise, parts of more than 1 GB in all are referenced.
 */
export const frozenPartsConfig = z.enum(['copy', 'reference']);

const MOST_COPIED_BYTES = 1e9;

export class FrozenParts {
  readonly #base: ModelFolder;
  readonly #names: readonly PartName[];
  readonly #mode: 'copy' | 'reference' | undefined;
  #hasCopied = false;

  constructor(base: ModelFolder, names: readonly PartName[], mode?: 'copy' | 'reference') {
    this.#base = base;
    this.#names = names;
    this.#mode = mode;
  }

  /**
   * Puts the parts into the folder of a model that is being saved: copies at a process's first save, and the same
   * files again at later ones, as hard links to those of the `previous` save. Returns what `model_index.json` says of
   * them.
   */
  async put(folder: string, previous: string | undefined): Promise<{ readonly base?: string }> {
    const parts = this.#names.flatMap((name) => {
      const from = this.#base.find(name);
      return from === undefined ? [] : [{ name, from }];
    });
    if ((this.#mode ?? (await modeFor(parts))) === 'reference')
      return { base: realpathSync(this.#base.path) };
    for (const { name, from } of parts) {
      const written = this.#hasCopied && previous !== undefined ? join(previous, name) : undefined;
      if (written !== undefined && existsSync(written)) await putFiles(written, join(folder, name), link);
      else await putFiles(from, join(folder, name), copyFile);
    }
    this.#hasCopied = true;
    return {};
  }
}

async function modeFor(parts: readonly { readonly from: string }[]): Promise<'copy' | 'reference'> {
  let bytes = 0;
  for (const { from } of parts) {
    for (const name of await readdir(from)) bytes += (await stat(join(from, name))).size;
  }
  return bytes > MOST_COPIED_BYTES ? 'reference' : 'copy';
}

/** Links among the files are followed: a download may be made of them. */
async function putFiles(
  from: string,
  to: string,
  put: (file: string, target: string) => Promise<void>,
): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    const file = join(from, name);
    if ((await stat(file)).isFile()) await put(file, join(to, name));
  }
}
