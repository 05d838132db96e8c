import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A scene that the real simulator made with `--size 32 --fps 1`, seed 10003; 10004 counts as skipped. */
export const SCENES_FIXTURE = fileURLToPath(new URL('fixtures/scenes', import.meta.url));

/** What a fake simulator does after it counted to 2 of 2: copies the fixture to where the scenes should be. */
const SUCCEED = `fs.cpSync(${JSON.stringify(SCENES_FIXTURE)}, out, { recursive: true });`;

export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'aid-scenes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface FakeSim {
  readonly folder: string;
  /** The arguments of every run, but for checks of variant files: it takes any. */
  runs(): string[][];
}

/** A folder like `sim/` whose `aid-sim` runs this JavaScript; it may use `fs` and `out`, the folder to write to. */
export function fakeSim(body: string = SUCCEED): FakeSim {
  const folder = emptyFolder();
  const log = join(folder, 'runs.jsonl');
  const bin = join(folder, '.venv', 'bin');
  mkdirSync(bin, { recursive: true });
  mkdirSync(join(folder, 'src', 'aid_sim'), { recursive: true });
  writeFileSync(join(folder, 'src', 'aid_sim', 'scene.py'), '# a table\n');
  writeFileSync(join(folder, 'requirements.txt'), '');
  writeFileSync(log, '');
  const program = `#!/usr/bin/env node
const fs = require('node:fs');
const args = process.argv.slice(2);
if (args[0] === 'vocabulary') process.exit(0);
const out = args[args.indexOf('--out') + 1];
fs.appendFileSync(${JSON.stringify(log)}, JSON.stringify(args) + '\\n');
process.stderr.write('  0%| | 0/2 [00:00<?]\\r 50%|# | 1/2 [00:01<00:01]\\r100%|##| 2/2 [00:02<00:00]\\n');
${body}
`;
  writeFileSync(join(bin, 'aid-sim'), program);
  chmodSync(join(bin, 'aid-sim'), 0o755);
  const runs = (): string[][] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as string[]);
  return { folder, runs };
}
