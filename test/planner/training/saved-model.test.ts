import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AidError } from '#planner/errors.js';
import { writeJson } from '#planner/training/recipes/component-files.js';
import { saveModel } from '#planner/training/saved-model.js';
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

  it('takes the place of a folder', async () => {
    const folder = temporaryFolder();
    await modelOf(1)(join(folder, 'model'));
    await saveModel(join(folder, 'model'), 'step-2', modelOf(2));
    expect(partsAt(join(folder, 'model'))).toEqual([2, 2]);
    expect(partsAt(join(folder, 'models/before'))).toEqual([1, 1]);
    await saveModel(join(folder, 'model'), 'step-3', modelOf(3));
    expect(readdirSync(join(folder, 'models')).sort()).toEqual(['step-2', 'step-3']);
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
