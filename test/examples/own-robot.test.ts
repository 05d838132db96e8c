import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { templateStates } from '#planner/conditioning/template-state-prompter.js';
import { loadTokenizer } from '#planner/conditioning/tokenizer.js';
import { run } from '../cli/run-aid.js';
import { putBags, runConfig, temporaryFolder, writeConfig } from '../planner/training/tiny-runs.js';

const SIM = 'sim/.venv/bin/aid-sim';
const WORKSHOP = 'examples/own-robot/workshop.toml';
const noSim = existsSync(SIM) ? undefined : 'sim/.venv is not set up: run sim/setup.sh';

interface Vocabulary {
  readonly objects: readonly string[];
  readonly plates: readonly string[];
  readonly families: Readonly<
    Record<string, { readonly train: readonly string[]; readonly heldOut: readonly string[] }>
  >;
}

/** Every command that a table's words can make. */
function commandsOf({ objects, plates, families }: Vocabulary): string[] {
  return Object.entries(families).flatMap(([family, { train, heldOut }]) => {
    const targets = family === 'put' ? plates : objects;
    return [...train, ...heldOut].flatMap((sentence) =>
      objects.flatMap((object) =>
        (sentence.includes('{target}') ? targets : ['']).map((target) =>
          sentence.replace('{object}', object).replace('{target}', target),
        ),
      ),
    );
  });
}

it.skipIf(noSim !== undefined).each([
  ['the default table', []],
  ['the workshop', ['--variant', WORKSHOP]],
] as const)(
  "aid-mini reads the whole of every command of %s, and of the template's states",
  async (_, variant) => {
    const { stdout, stderr } = await run(SIM, ['vocabulary', ...variant]);
    expect(stderr).toBe('');
    const commands = commandsOf(JSON.parse(stdout));
    expect(commands.length).toBeGreaterThan(500);
    const { text_length: length } = JSON.parse(readFileSync('models/aid-mini/aid/config.json', 'utf8'));
    const tokenizer = await loadTokenizer('models/aid-mini/tokenizer');
    const texts = new Set(commands.flatMap((command) => [command, ...templateStates(command)]));
    expect([...texts].filter((text) => tokenizer.encode(text, { length }).truncated)).toEqual([]);
  },
);

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
