import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AidError } from '#planner/errors.js';
import { writeJson } from '#planner/training/recipes/component-files.js';
import { checkModelFolder, saveModel } from '#planner/training/saved-model.js';
import { temporaryFolder } from './tiny-runs.js';

const PARTS = ['vae', 'aid'];

/** A model whose every part holds the step. */
const modelOf = (step: number) => async (draft: string) => {
  for (const part of PARTS) await writeJson(join(draft, part, 'config.json'), step);
};

/** What the parts of the model at that path hold. */
const partsAt = (path: string): unknown[] =>
  PARTS.map((part) => JSON.parse(readFileSync(join(path, part, 'config.json'), 'utf8')) as unknown);

/** Saves step 2 in a process that is killed before that change of the disk; whether it came so far. */
function saveUntilKilled(path: string, change: number): boolean {
  const script = fileURLToPath(new URL('killed-save.mjs', import.meta.url));
  const dist = fileURLToPath(new URL('../../../dist', import.meta.url));
  const { signal, status, stderr } = spawnSync(process.execPath, [script, dist, path, String(change)], {
    encoding: 'utf8',
  });
  expect(signal ?? status, stderr).toBe(signal === null ? 0 : 'SIGKILL');
  return signal !== null;
}

describe('the model that a run saves', () => {
  it('is whole and of one step, whenever the process is killed, and is saved again after that', async () => {
    const seen = new Set<unknown>();
    for (let change = 0; ; change++) {
      const path = join(temporaryFolder(), 'model');
      await saveModel(path, 'step-0', modelOf(0));
      await saveModel(path, 'step-1', modelOf(1));
      const killed = saveUntilKilled(path, change);
      const [step, other] = partsAt(path);
      expect(other, `before change ${change}`).toBe(step);
      seen.add(step);
      await saveModel(path, 'step-2', modelOf(2));
      expect(partsAt(path)).toEqual([2, 2]);
      expect(readdirSync(join(path, '..')).sort()).toEqual(['model', 'models']);
      if (!killed) break;
    }
    expect(seen).toEqual(new Set([1, 2]));
  });

  it('leaves the one before in its place until the next, and no other', async () => {
    const folder = temporaryFolder();
    const previous: (string | undefined)[] = [];
    for (const step of [1, 2, 3])
      await saveModel(join(folder, 'model'), `step-${step}`, (draft, before) => {
        previous.push(before);
        return modelOf(step)(draft);
      });
    expect(previous).toEqual([undefined, join(folder, 'models/step-1'), join(folder, 'models/step-2')]);
    expect(readdirSync(join(folder, 'models')).sort()).toEqual(['step-2', 'step-3']);
    expect(partsAt(join(folder, 'models/step-2'))).toEqual([2, 2]);
  });

  it('is saved where saves of a run lie, and removes nothing else', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'model');
    for (const name of ['aid-mini', 'before', 'step-one', 'notes.part', 'step-1-again', 'step-2.part'])
      await modelOf(0)(join(folder, 'models', name));
    await saveModel(path, 'step-3', modelOf(3));
    expect(readdirSync(join(folder, 'models')).sort()).toEqual(
      ['aid-mini', 'before', 'step-one', 'notes.part', 'step-3'].sort(),
    );
  });

  it("does not take the place of someone's folder", async () => {
    const folder = temporaryFolder();
    await modelOf(1)(join(folder, 'model'));
    await expect(saveModel(join(folder, 'model'), 'step-2', modelOf(2))).rejects.toMatchObject({
      code: 'io-failed',
    });
    expect(partsAt(join(folder, 'model'))).toEqual([1, 1]);
  });

  it('stays what it was when it cannot be written', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'model');
    await saveModel(path, 'step-1', modelOf(1));
    const failing = saveModel(path, 'step-2', async (draft) => {
      await writeJson(join(draft, 'vae', 'config.json'), 2);
      mkdirSync(join(draft, 'aid', 'config.json'), { recursive: true });
      await writeJson(join(draft, 'aid', 'config.json'), 2);
    });
    await expect(failing).rejects.toMatchObject({ code: 'io-failed' });
    expect(partsAt(path)).toEqual([1, 1]);
    expect(readdirSync(join(folder, 'models'))).toEqual(['step-1']);

    rmSync(join(folder, 'models'), { recursive: true });
    writeFileSync(join(folder, 'models'), 'in the way');
    const error = await saveModel(path, 'step-3', modelOf(3)).catch((cause: unknown) => cause);
    expect(AidError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({
      code: 'io-failed',
      message: expect.stringContaining(`${path}: could not be saved: `),
    });
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(existsSync(path)).toBe(false);
  });
});

describe('the place of a run', () => {
  it('may be empty, or have the saves of a run, also where it was moved', async () => {
    const folder = temporaryFolder();
    expect(() => checkModelFolder(join(folder, 'run/model'))).not.toThrow();
    await saveModel(join(folder, 'run/model'), 'step-1', modelOf(1));
    mkdirSync(join(folder, 'run/models/step-2.part'));
    renameSync(join(folder, 'run'), join(folder, 'moved'));
    expect(() => checkModelFolder(join(folder, 'moved/model'))).not.toThrow();
  });

  it.each<[string, (folder: string) => void, RegExp]>([
    [
      'models of others',
      (folder) => mkdirSync(join(folder, 'models/aid-mini'), { recursive: true }),
      /^output: expected nothing but saves of a run in .*models, got aid-mini; move that away, or choose another/,
    ],
    [
      'a model that is no link',
      (folder) => mkdirSync(join(folder, 'model')),
      /^output: expected a run's link to its last save or nothing in the place of .*model, got something else/,
    ],
    [
      'a link to a model elsewhere',
      (folder) => symlinkSync('../somewhere/step-1', join(folder, 'model')),
      /^output: expected a run's link to its last save or nothing/,
    ],
    [
      'a link to a folder with saves of another run',
      (folder) => symlinkSync('..', join(folder, 'models')),
      /^output: expected a folder or nothing in the place of .*models, got a file or a link/,
    ],
  ])('is refused with %s', (_, put, message) => {
    const folder = temporaryFolder();
    put(folder);
    expect(() => checkModelFolder(join(folder, 'model'))).toThrow(message);
  });
});
