import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { aid, emptyFolder } from './run-aid.js';

const golden = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/goldens/${name}`, import.meta.url));

/** A copy of a case whose config says something else. */
function changed(name: string, over: object): string {
  const folder = join(emptyFolder(), name);
  cpSync(golden(name), folder, { recursive: true });
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...over }));
  return folder;
}

describe('aid verify', () => {
  it('prints a line for each tensor and a summary', async () => {
    const { exitCode, stdout, stderr } = await aid(['verify', golden('clip-vision-quick')]);
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^ok +\d\.\de-\d of 1e-4 {2}clip-vision-quick {2}image_embeds$/),
      expect.stringMatching(/^ok +\d\.\de-\d of 1e-4 {2}clip-vision-quick {2}last_hidden_state$/),
      '2 tensors of 1 case on cpu: all within tolerance',
    ]);
    expect(exitCode).toBe(0);
  });

  it('prints a list, and nothing else, with --json', async () => {
    const { exitCode, stdout, stderr } = await aid(['verify', '--json', golden('video-distance')]);
    expect(JSON.parse(stdout)).toEqual(
      ['frechet', 'kernel'].map((tensor) => ({
        case: 'video-distance',
        tensor,
        error: expect.closeTo(0, 6),
        tolerance: 1e-4,
        pass: true,
      })),
    );
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  it('fails when a number is off', async () => {
    const { exitCode, stdout } = await aid(['verify', changed('video-distance', { kernel: 1 })]);
    expect(stdout).toMatch(/^FAIL +1\.4e\+2 of 1e-4 {2}video-distance {2}kernel$/m);
    expect(stdout).toMatch(/: 1 failed$/m);
    expect(exitCode).toBe(1);
  });

  it('says in one line what keeps a case from being run', async () => {
    const folder = changed('clip-text-quick', { hidden_size: 48 });
    const { exitCode, stdout, stderr } = await aid(['verify', folder]);
    expect(stdout).toMatch(
      /^FAIL .* clip-text-quick {2}\*: clip-text-quick: 34 tensors of the wrong shape: /,
    );
    expect(stdout.trim().split('\n')).toHaveLength(2);
    expect(stderr).toBe('');
    expect(exitCode).toBe(1);
    const json = await aid(['verify', folder, '--json']);
    expect(JSON.parse(json.stdout)).toEqual([
      expect.objectContaining({ tensor: '*', error: Number.MAX_VALUE, pass: false }),
    ]);
    expect(json.stderr).toMatch(/^clip-text-quick: .*34 tensors of the wrong shape/);
  });

  it('fails where there is nothing to verify', async () => {
    const folder = emptyFolder();
    expect(await aid(['verify', folder])).toMatchObject({ exitCode: 1, stdout: 'no cases found\n' });
    const absent = await aid(['verify', join(folder, 'absent'), '--json']);
    expect(absent).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/absent: could not be read/) });
    expect(JSON.parse(absent.stdout)).toEqual([]);
    expect(absent.stderr).not.toMatch(/\n\s+at /);
  });
});
