/** Small data sets in users' formats, made by `test/fixtures/recordings/make_samples.py` when a test first asks. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe } from 'vitest';

const SCRIPT = resolve('test/fixtures/recordings/make_samples.py');
const PYTHON = resolve('sim/.venv/bin/python');

/** Why there are no samples here, undefined where there are. */
const noSamples: string | undefined =
  existsSync(PYTHON) && spawnSync(PYTHON, ['-c', 'import av, pyarrow, rosbags']).status === 0
    ? undefined
    : 'sim/.venv is not set up, whose libraries write the samples: run sim/setup.sh';

/** Tests that need them; where they cannot be made, the group's name says why it is skipped. */
export function describeWithSamples(name: string, tests: () => void): void {
  describe.skipIf(noSamples !== undefined)(noSamples === undefined ? name : `${name} (${noSamples})`, tests);
}

/** Where they are; made once for every version of the script. */
export function samples(...names: readonly string[]): string {
  const version = createHash('sha256').update(readFileSync(SCRIPT)).digest('hex').slice(0, 12);
  const folder = resolve('test/fixtures/.samples', version);
  if (!existsSync(folder)) {
    const draft = `${folder}.${process.pid}`;
    mkdirSync(resolve('test/fixtures/.samples'), { recursive: true });
    const { status, stderr } = spawnSync(PYTHON, [SCRIPT, draft], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${SCRIPT}: ${stderr}`);
    try {
      renameSync(draft, folder);
    } catch {
      // Another test file was first.
      rmSync(draft, { recursive: true });
    }
  }
  return join(folder, ...names);
}
