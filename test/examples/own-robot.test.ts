import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { templateStates } from '#planner/conditioning/template-state-prompter.js';
import { loadTokenizer } from '#planner/conditioning/tokenizer.js';
import { readDataConfig } from '#planner/training/run-config.js';
import { run } from '../cli/run-aid.js';
import {
  modelTensors,
  putBags,
  runConfig,
  temporaryFolder,
  writeConfig,
} from '../planner/training/tiny-runs.js';

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

it('states how many episodes it took to reach what', async () => {
  const report = (following: number) => ({
    commanded: { following, interval: [following - 0.05, following + 0.05] },
    heldOutWordings: { following },
    swapped: { following },
    psnrMean: 20,
    ssimMean: 0.7,
    intervals: { psnrMean: [19, 21] },
    scenes: {
      seeds: { from: 10_000, to: 10_064 },
      count: 60,
      variant: 'workshop',
      generator: 'aid-sim 0.2.0',
    },
    chance: 0.2,
    ceilingPsnr: 25,
    copyFirstPsnr: 18,
    ceilingFollowing: 1,
  });
  const pageOf = async (rates: readonly number[]) => {
    const rows = rates.map((rate, index) => ({ episodes: 100 * index, report: report(rate) }));
    const about = {
      model: 'aid-mini',
      sha256: 'abc',
      steps: 300,
      clipsPerStep: 16,
      decoderSteps: 400,
      train: [],
    };
    const program = `import { resultsPage } from './examples/own-robot/results-page.mjs';
      process.stdout.write(resultsPage(${JSON.stringify(rows)}, ${JSON.stringify(about)}));`;
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '--eval', program]);
    expect(stderr).toBe('');
    return stdout.split('\n');
  };
  const [sentence, , , , ...table] = await pageOf([0.3, 0.55, 0.8]);
  expect(sentence).toBe(
    'Without an episode of this table aid-mini follows 30.0 % of the commands (chance 20.0 %), and 55.0 % after 100, 80.0 % after 200; it follows half with 100, three quarters with 200, nine in ten with none of these numbers.',
  );
  expect(table.slice(0, 2)).toEqual([
    '| 0 | 30.0 % (25.0 % to 35.0 %) | 30.0 % | 30.0 % | 20.00 (19.00 to 21.00) | 25.00 | 0.7000 |',
    '| 100 | 55.0 % (50.0 % to 60.0 %) | 55.0 % | 55.0 % | 20.00 (19.00 to 21.00) | 25.00 | 0.7000 |',
  ]);
  expect((await pageOf([0.2, 0.3]))[0]).toMatch(/; it follows half with none of these numbers\.$/);
  expect((await pageOf([0.5, 0.95]))[0]).toMatch(
    /; it follows half with 0, three quarters with 100, nine in ten with 100\.$/,
  );
});

it("docs/own-robot.md's test.json says where bags are", () => {
  const [, block = ''] =
    /`test\.json`[\s\S]*?```json\n([\s\S]*?)```/.exec(readFileSync('docs/own-robot.md', 'utf8')) ?? [];
  const file = join(temporaryFolder(), 'test.json');
  writeFileSync(file, block);
  expect(readDataConfig(file)).toEqual({
    data: {
      bags: join(file, '..', 'test-bags'),
      topics: { image: '/camera/color/image_raw/compressed', instruction: '/task' },
    },
  });
});

/** The only file or folder of this name in a folder and its folders. */
function find(folder: string, name: string): string {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.name === name,
  );
  expect(found, name).toHaveLength(1);
  return join(found[0]?.parentPath ?? '', name);
}

const jsonOf = (file: string) => JSON.parse(readFileSync(file, 'utf8'));

it.skipIf(noSim !== undefined)(
  "a tiny model is adapted to another robot's recordings",
  async () => {
    const folder = temporaryFolder();
    putBags(folder);
    for (const name of ['autoencoder', 'backbone', 'adapt'] as const)
      await runConfig(writeConfig(folder, name, { steps: 1 }));
    const [out, results] = [join(folder, 'own'), join(folder, 'results.md')];
    const ownRobot = (count = '2') =>
      run(process.execPath, [
        'examples/own-robot/own-robot.mjs',
        ...['--model', join(folder, 'adapt', 'model'), '--out', out, '--table', results],
        ...['--episodes', '2', '--steps', count, '--decoder-steps', count],
        ...['--scenes', count, '--test-episodes', count, '--threads', '1'],
      ]);
    const { exitCode, stdout, stderr } = await ownRobot();
    expect(exitCode, stderr).toBe(0);
    const page = readFileSync(results, 'utf8');
    expect(stdout).toContain(page);
    expect(page.match(/^\| \d+ \| [\d.]+ % \(/gm)).toEqual(
      ['0', '2'].map((count) => expect.stringContaining(`| ${count} | `)),
    );
    expect(readFileSync(find(out, 'report.html'), 'utf8')).toContain('after');
    // The other table's words, and only its own.
    expect(stdout).toMatch(/(teal|crimson|amber|grey)/);
    expect(page).toContain('the table workshop');
    expect(readdirSync(find(out, 'bags-2')).filter((name) => name.endsWith('.mcap'))).toHaveLength(2);
    // Noise as the shipped model was trained with.
    const { sigma, lastFrameWeight } = jsonOf('models/training/aid-mini.json').recipe;
    expect(jsonOf(find(out, 'adapted-2.json')).recipe).toMatchObject({ sigma, lastFrameWeight });
    // Only the decoder differs from what was adapted.
    const tensorsOf = (run: string) => modelTensors(join(find(out, run), 'model'));
    const adapted = tensorsOf('adapted-2');
    const changed = [...tensorsOf('decoded-2')].filter(([key, { values }]) =>
      values.some((value, i) => value !== adapted.get(key)?.values[i]),
    );
    expect(new Set(changed.map(([key]) => key.split('.').slice(0, 2).join('.')))).toEqual(
      new Set(['vae.decoder']),
    );

    // Figures of other weights are made again, the rest is kept.
    const [before, followed] = [join(find(out, 'before'), 'run.json'), find(out, 'followed-0.json')];
    for (const file of [before, followed]) {
      const content = jsonOf(file);
      writeFileSync(file, JSON.stringify({ ...content, model: { ...content.model, sha256: 'of others' } }));
    }
    const kept = statSync(find(out, 'followed-2.json')).mtimeMs;
    expect((await ownRobot()).exitCode).toBe(0);
    expect(readFileSync(results, 'utf8')).toBe(page);
    for (const file of [before, followed]) expect(jsonOf(file).model.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(find(out, 'followed-2.json')).mtimeMs).toBe(kept);

    // Other options make other figures, and leave these as they are.
    const files = ['followed-0.json', 'followed-2.json', 'report.html'].map((name) => find(out, name));
    const former = [...files, before].map((file) => [file, statSync(file).mtimeMs]);
    const other = await ownRobot('3');
    expect(other.exitCode, other.stderr).toBe(0);
    expect(former.map(([file]) => [file, statSync(file as string).mtimeMs])).toEqual(former);
    const anew = readFileSync(results, 'utf8');
    expect(anew).toMatch(
      /; 3 steps of \d+ clips .*; then 3 steps of the decoder alone\. .* seeds 10000:10003, /,
    );
    expect(jsonOf(before.replace('2-episodes', '3-episodes')).samples).toHaveLength(3);
  },
  1_800_000,
);
