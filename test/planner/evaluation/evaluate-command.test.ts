import { execFile } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { evaluateCommand } from '#cli/evaluate.js';
import { simFingerprint } from '#planner/evaluation/scene-maker.js';
import { tinyModel } from '../../support/tiny-model.js';
import { emptyFolder, SCENES_FIXTURE } from './fake-sim.js';

const noSim = existsSync('sim/.venv/bin/aid-sim') ? undefined : 'sim/.venv is not set up: run sim/setup.sh';
const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

function aid(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { timeout: 100_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** A cache in which the fixture's scene lies where today's simulator would have put it. */
function cacheWithScene(): string {
  const cache = emptyFolder();
  const folder = join(cache, `128x128-${simFingerprint()}`);
  cpSync(SCENES_FIXTURE, folder, { recursive: true });
  const file = join(folder, 'scenes.json');
  const list = JSON.parse(readFileSync(file, 'utf8')) as { scenes: object[] };
  const failedCommands = { 'not-pushed': 1, 'not-on-plate': 2 };
  const scenes = list.scenes.map((scene) => ({ ...scene, standIn: 'another-way', failedCommands }));
  writeFileSync(file, JSON.stringify({ ...list, width: 128, height: 128, scenes }));
  return cache;
}

/** The scenes that are there, on one core. */
const measuring = (model: string, cache: string): string[] =>
  `--model ${model} --scenes 10003:10005 --cache ${cache} --provider cpu --threads 1`.split(' ');

it('prints the figures as JSON and nothing else, writes them, and a picture of every scene', async () => {
  const [model, cache, out] = [await tinyModel(), cacheWithScene(), emptyFolder()];
  const [file, images] = [join(out, 'figures.json'), join(out, 'pictures')];
  const common = measuring(model, cache);
  const flags = ['--seeds', '2', '--preset', 'fast', '--json', '--out', file, '--images', images];
  const { status, stdout, stderr } = await aid('evaluate', ...common, ...flags);
  expect(status, stderr).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({
    instructionFollowing: expect.any(Number),
    chance: 0.25,
    psnr: expect.any(Number),
    ssim: expect.any(Number),
    ceilingPsnr: expect.any(Number),
    copyFirstPsnr: expect.any(Number),
    perFamily: { push_right: { count: 1 } },
    model: { path: model, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    engine: { provider: 'cpu', threads: 1 },
    sampling: { numInferenceSteps: 1 },
    seeds: 2,
    scenes: {
      seeds: { from: 10_003, to: 10_005 },
      count: 1,
      standIns: 1,
      failedCommands: { 'not-pushed': 1, 'not-on-plate': 2 },
      skipped: [{ seed: 10_004 }],
      generator: 'aid-sim 0.2.0',
    },
  });
  expect(report.heldOutWordings.count).toBe(1);
  const written = JSON.parse(readFileSync(file, 'utf8'));
  expect(written).toMatchObject(report);
  // 2 seeds, held-out, swapped, blank; distances to 4 commands.
  expect(written.results[0].clips).toHaveLength(5);
  expect(written.results[0].clips[0].distances.pixels).toHaveLength(4);
  expect(readdirSync(images)).toEqual([
    `${report.instructionFollowing === 1 ? 'followed' : 'failed'}-10003.png`,
  ]);

  const table = await aid('evaluate', ...common, '--seeds', '1', '--steps', '1');
  expect(table.status, table.stderr).toBe(0);
  // Not from here with many `..`.
  expect(table.stdout).toContain(`${model}, SHA-256`);
  for (const words of [
    "1 scenes of the seeds 10003:10005 (1 with another way or command than the seed's own, 1 seeds make none, without 3 commands at which the expert fails)",
    'instruction following',
    'push_right',
    'wordings never seen',
    'PSNR, dB',
    'best of 1',
    '1 steps',
  ])
    expect(table.stdout).toContain(words);
});

it('draws the pictures that were asked for also where an evaluation without them was stopped', async () => {
  const [model, cache, out] = [await tinyModel(), cacheWithScene(), emptyFolder()];
  const args = ['evaluate', ...measuring(model, cache), '--seeds', '1', '--steps', '1'];
  writeFileSync(join(out, 'file'), '');
  // Every scene is measured, and then it fails.
  const stopped = await aid(...args, '--out', join(out, 'file', 'figures.json'));
  expect(stopped.status).toBe(1);
  const images = join(out, 'pictures');
  const { status, stderr } = await aid(...args, '--images', images);
  expect([status, stderr]).toEqual([0, expect.not.stringContaining('are known')]);
  expect(readdirSync(images)).toHaveLength(1);
});

it('refuses what it cannot use in one line, before it simulates anything', async () => {
  const [model, cache] = [await tinyModel(), join(emptyFolder(), 'cache')];
  const [file, noFolder] = [join(model, 'model_index.json'), 'could not be written'];
  for (const [flags, words] of [
    [['--scenes', '10003'], 'Expected A:B'],
    [['--scenes', '7:7'], 'Expected A:B'],
    [['--preset', 'best'], 'the model has no best; it has fast'],
    [['--out', cache.replace(/cache$/, '')], 'expected a file, got a folder'],
    [['--out', join(file, 'figures.json')], `${noFolder}: ${file} is no folder`],
    [['--images', join(file, 'pictures')], `${noFolder}: ${file} is no folder`],
    [['--save', join(file, 'run')], `${noFolder}: ${file} is no folder`],
    [['--workers', '257'], 'from 1 to 256'],
    [['--variant', 'gone.toml'], 'gone.toml: no such file'],
    [['--variant', 'workshop.toml', '--data', 'bags', '--save', 'run'], '--data has recorded episodes'],
    [['--steps', '2000'], 'from 1 to 1000'],
    [['--seeds', '2000'], 'from 1 to 1000'],
    [['--episodes', '3'], '--episodes: of recorded episodes, which --data names'],
    [['--given', '1'], '--given: of recorded episodes, which --data names'],
    [['--image-topic', '/a'], '--image-topic: of recorded episodes, which --data names'],
  ] as const) {
    const { status, stdout, stderr } = await aid('evaluate', '--model', model, '--cache', cache, ...flags);
    expect(status, words).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(words)]);
  }
  expect(existsSync(cache)).toBe(false);
  const data = ['--model', model, '--data', emptyFolder(), '--save', join(emptyFolder(), 'run')];
  for (const [flag, ...value] of [
    ['--scenes', '10003:10005'],
    ['--seeds', '4'],
    ['--sweep'],
    ['--out', 'figures.json'],
    ['--images', 'pictures'],
    ['--cache', cache],
    ['--workers', '2'],
  ] as const) {
    await expect(evaluateCommand().parseAsync([...data, flag, ...value], { from: 'user' })).rejects.toThrow(
      `${flag}: of simulated scenes, and --data has recorded episodes`,
    );
  }
});

it.skipIf(noSim !== undefined)(
  'refuses a variant file that the simulator refuses, before it opens the model',
  async () => {
    const file = join(emptyFolder(), 'odd.toml');
    writeFileSync(file, '[camera]\nzoom = 2\n');
    const { status, stderr } = await aid('evaluate', '--model', 'no-such-model', '--variant', file);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^aid: variant .*odd.toml.*unknown key 'zoom'.*\n$/),
    ]);
  },
);

it('tells every default once', () => {
  const help = evaluateCommand().helpInformation().replaceAll(/\s+/g, ' ');
  expect(help).toContain('(default: one for each core)');
  expect(help).not.toMatch(/\(default:[^)]*\) \(default:/);
});
