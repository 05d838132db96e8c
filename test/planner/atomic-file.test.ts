import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFileAtomically } from '#planner/atomic-file.js';
import { AidError } from '#planner/errors.js';
import { temporaryFolder } from './conditioning/temporary-folder.js';

describe('a file that is written atomically', () => {
  it('is whole, or as it was', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a', 'file');
    await writeFileAtomically(path, (file) => file.writeFile('whole'));
    const failing = writeFileAtomically(path, async (file) => {
      await file.writeFile('half');
      throw new AidError('aborted', 'stopped');
    });
    await expect(failing).rejects.toMatchObject({ code: 'aborted' });
    expect(readdirSync(join(folder, 'a'))).toEqual(['file']);
    expect(readFileSync(path, 'utf8')).toBe('whole');
  });

  it('says why it could not be, where a file stands in the place of its folder', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    const path = join(folder, 'file', 'child');
    await expect(writeFileAtomically(path, async () => undefined)).rejects.toMatchObject({
      code: 'io-failed',
      message: expect.stringContaining(`${path}: could not be written: `),
    });
  });

  it('says what went wrong first, whatever cannot be cleaned up', async () => {
    const folder = join(temporaryFolder(), 'gone');
    const failing = writeFileAtomically(join(folder, 'file'), async (file) => {
      await file.close();
      rmSync(folder, { recursive: true });
      writeFileSync(folder, '');
      throw new AidError('aborted', 'stopped');
    });
    await expect(failing).rejects.toMatchObject({ code: 'aborted', message: 'stopped' });
  });
});
