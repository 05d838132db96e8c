import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { emptyFolder, run } from '../cli/run-aid.js';

it('makes the aid command executable, which tsc does not, and removes what has no source', async () => {
  const folder = emptyFolder();
  for (const name of ['src', 'dist']) mkdirSync(join(folder, name, 'cli'), { recursive: true });
  writeFileSync(join(folder, 'src', 'cli', 'main.ts'), '');
  writeFileSync(join(folder, 'src', 'cli', 'page.html'), '');
  const main = join(folder, 'dist', 'cli', 'main.js');
  writeFileSync(main, '#!/usr/bin/env node\n');
  writeFileSync(join(folder, 'dist', 'cli', 'gone.js'), '');
  chmodSync(main, 0o644);
  const done = await run(process.execPath, [resolve('scripts', 'copy-assets.mjs')], { cwd: folder });
  expect(done).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect(statSync(main).mode & 0o111).toBe(0o111);
  expect(readdirSync(join(folder, 'dist', 'cli'))).toEqual(['main.js', 'page.html']);
});

it('has made it so in this build', () => {
  expect(statSync(join('dist', 'cli', 'main.js')).mode & 0o111).toBe(0o111);
});
