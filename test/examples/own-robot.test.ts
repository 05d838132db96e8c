import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../cli/run-aid.js';
import { putBags, runConfig, temporaryFolder, writeConfig } from '../planner/training/tiny-runs.js';

const noSim = existsSync('sim/.venv/bin/aid-sim') ? undefined : 'sim/.venv is not set up: run sim/setup.sh';

it.skipIf(noSim !== undefined)(
  "a tiny model is adapted to another robot's recordings",
  async () => {
    const folder = temporaryFolder();
    putBags(folder);
    for (const name of ['autoencoder', 'backbone', 'adapt'] as const)
      await runConfig(writeConfig(folder, name, { steps: 1 }));
    const out = join(folder, 'own');
    const args = ['--model', join(folder, 'adapt', 'model'), '--out', out, '--episodes', '2', '--steps', '2'];
    const { exitCode, stdout, stderr } = await run(process.execPath, [
      'examples/own-robot/own-robot.mjs',
      ...args,
      ...['--test-episodes', '2', '--threads', '1'],
    ]);
    expect(exitCode, stderr).toBe(0);
    const table = readFileSync(join(out, 'own-robot.md'), 'utf8');
    expect(stdout).toContain(table);
    expect(table.match(/^\| \d+ \| [\d.]+ \(/gm)).toEqual(
      ['0', '2'].map((count) => expect.stringContaining(`| ${count} | `)),
    );
    expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('after-2');
    // The other table's words, and only its own.
    expect(stdout).toMatch(/(teal|crimson|amber|grey)/);
    expect(readdirSync(join(out, 'bags-2')).filter((name) => name.endsWith('.mcap'))).toHaveLength(2);
  },
  600_000,
);
