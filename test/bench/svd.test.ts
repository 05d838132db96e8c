import { chmodSync, cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { emptyFolder, run } from '../cli/run-aid.js';

it("gives PyTorch's side, which runs in another folder, the whole path of the model", async () => {
  const project = realpathSync(emptyFolder());
  const programs = join(project, 'bench', 'pytorch', '.venv', 'bin');
  mkdirSync(programs, { recursive: true });
  for (const name of ['package.json', join('bench', 'svd.mjs')]) cpSync(name, join(project, name));
  for (const name of ['dist', 'node_modules']) symlinkSync(resolve(name), join(project, name));
  writeFileSync(join(programs, 'python'), '#!/bin/sh\necho "$@" >&2\nexit 1\n');
  chmodSync(join(programs, 'python'), 0o755);
  const { exitCode, stderr } = await run(process.execPath, ['bench/svd.mjs', '--model', 'mine'], {
    cwd: project,
  });
  expect(exitCode).toBe(1);
  expect(stderr.split('\n', 1)[0]).toMatch(new RegExp(`^make_model\\.py .* --out ${project}/mine$`));
});
