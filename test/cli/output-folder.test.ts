import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkOutputFolder, freePath, writeFolderAtomically } from '#cli/output-folder.js';
import { AidError } from '#planner/errors.js';
import { emptyFolder } from './run-aid.js';

const put = (name: string, text: string) => (draft: string) => writeFile(join(draft, name), text);

async function failing(draft: string): Promise<void> {
  await writeFile(join(draft, 'clip.json'), 'half');
  throw new AidError('aborted', 'stopped');
}

describe('a folder of results', () => {
  it('is not there before it is whole', async () => {
    const folder = join(emptyFolder(), 'a', 'b');
    await writeFolderAtomically(folder, async (draft) => {
      await put('clip.json', 'whole')(draft);
      expect(readdirSync(join(folder, '..'))).toEqual([expect.stringMatching(/^\.b\.[0-9a-f]{12}\.part$/)]);
    });
    expect(readdirSync(folder)).toEqual(['clip.json']);
    expect(readdirSync(join(folder, '..'))).toEqual(['b']);
  });

  it('leaves nothing when it fails, not even the folders above it', async () => {
    const root = emptyFolder();
    mkdirSync(join(root, 'mine'));
    await expect(writeFolderAtomically(join(root, 'mine', 'a', 'b'), failing)).rejects.toThrow('stopped');
    expect(readdirSync(join(root, 'mine'))).toEqual([]);
  });

  it('replaces an earlier result, and nothing else', async () => {
    const folder = emptyFolder();
    for (const name of ['clip.json', 'filmstrip.png', 'notes.txt']) writeFileSync(join(folder, name), 'old');
    await expect(writeFolderAtomically(folder, failing)).rejects.toThrow('stopped');
    expect(readdirSync(folder).sort()).toEqual(['clip.json', 'filmstrip.png', 'notes.txt']);
    expect(readFileSync(join(folder, 'clip.json'), 'utf8')).toBe('old');
    await writeFolderAtomically(folder, put('clip.json', 'new'));
    expect(readdirSync(folder).sort()).toEqual(['clip.json', 'notes.txt']);
    expect(readFileSync(join(folder, 'clip.json'), 'utf8')).toBe('new');
  });

  it('says what went wrong first, whatever cannot be cleaned up', async () => {
    const parent = join(emptyFolder(), 'parent');
    const replacing = async (draft: string): Promise<void> => {
      rmSync(dirname(draft), { recursive: true });
      writeFileSync(dirname(draft), '');
      throw new AidError('aborted', 'stopped');
    };
    await expect(writeFolderAtomically(join(parent, 'clip'), replacing)).rejects.toThrow('stopped');
    rmSync(parent);
    mkdirSync(parent);
    await expect(writeFolderAtomically(parent, replacing)).rejects.toThrow('stopped');
  });

  it('is not to blame for what it did not do', async () => {
    const path = join(emptyFolder(), 'clip');
    const mistaken = async (): Promise<void> => {
      throw new TypeError('undefined is not a clip');
    };
    await expect(writeFolderAtomically(path, mistaken)).rejects.toThrow(TypeError);
  });

  it('says why it could not be written', async () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'file'), '');
    const path = join(folder, 'file', 'clip');
    await expect(writeFolderAtomically(path, put('clip.json', ''))).rejects.toThrow(
      `${path}: could not be written: `,
    );
    expect(() => checkOutputFolder(path, { force: false })).toThrow(
      `${path}: could not be written: ${join(folder, 'file')} is no folder`,
    );
  });
});

it('finds a path that is free', () => {
  const folder = emptyFolder();
  const path = join(folder, 'clip');
  expect(freePath(path)).toBe(path);
  mkdirSync(path);
  mkdirSync(`${path}-2`);
  expect(freePath(path)).toBe(`${path}-3`);
});
