import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { emptyFolder, run } from '../cli/run-aid.js';
import { tinyModel } from '../support/tiny-model.js';

const noSim = existsSync('sim/.venv/bin/aid-sim') ? undefined : 'sim/.venv is not set up: run sim/setup.sh';

const figures = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  run(process.execPath, ['scripts/figures.mjs', ...args], { environment });

it.skipIf(noSim !== undefined)('makes the pictures of docs/ with a model', async (context) => {
  const out = emptyFolder();
  const { exitCode, stdout, stderr } = await figures(['--model', await tinyModel(), '--out', out]);
  if (stderr.includes('has no font')) context.skip('no font on this machine');
  expect([exitCode, stderr]).toEqual([0, '']);
  for (const family of ['push the', 'goes on', 'on top of']) expect(stdout).toContain(family);
  const picture = (name: string) => sharp(join(out, name)).metadata();
  // 6 frames of 32 pixels and 8 commands; 3 clips; 3 futures of 4 frames.
  expect(await picture('manipulation.webp')).toMatchObject({ width: 202, height: 8 * 58 - 8 });
  expect(await picture('rollout.webp')).toMatchObject({ width: 202, height: 3 * 58 - 8 });
  expect(await picture('demo.webp')).toMatchObject({ pages: 4, loop: 0 });
  for (const name of ['manipulation', 'rollout', 'demo'])
    expect(readFileSync(join(out, `${name}.webp`)).length).toBeLessThan(300_000);
});

it('refuses to draw captions without a font', async () => {
  const folder = emptyFolder();
  const config = join(folder, 'fonts.conf');
  writeFileSync(config, '<fontconfig><dir>/nowhere</dir></fontconfig>');
  const out = join(folder, 'images');
  const { exitCode, stderr } = await figures(['--out', out], { FONTCONFIG_FILE: config });
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('figures: this machine has no font')]);
  expect(existsSync(out)).toBe(false);
});

it.each([
  ['--seed', 'abc', 'figures: --seed: expected a whole number from 0 to 2^53 - 1, got abc\n'],
  ['--seed', '-1', 'figures: --seed: expected a whole number from 0 to 2^53 - 1, got -1\n'],
  ['--model', '/nowhere', 'figures: /nowhere: expected a model folder with model_index.json in it\n'],
])('says in one line what is wrong with %s %s', async (flag, value, message) => {
  const { exitCode, stderr } = await figures([`${flag}=${value}`, '--out', emptyFolder()]);
  expect([exitCode, stderr]).toEqual([1, message]);
});
