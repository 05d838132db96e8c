import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { emptyFolder, run } from '../cli/run-aid.js';

const scriptAt = (folder: string, name: string) => import(pathToFileURL(join(folder, 'scripts', name)).href);
const project = process.cwd();
const { isNodeIn } = await scriptAt(project, 'set-up.mjs');
const readJson = (...names: string[]) => JSON.parse(readFileSync(join(...names), 'utf8'));
const { engines } = readJson('package.json');

it.each([
  ['20.20.1', false],
  ['20.20.2', true],
  ['20.21.0', true],
  ['21.9.9', false],
  ['22.12.9', false],
  ['22.13.0', true],
  ['23.11.0', false],
  ['24.0.0', true],
  ['26.1.0', true],
])('node %s: %s', (version, expected) => {
  expect(isNodeIn(engines.node, version)).toBe(expected);
});

it('takes no node that a package of the lock file does not take', () => {
  const { packages } = readJson('package-lock.json');
  expect(packages[''].engines).toEqual(engines);
  const oldest: string[] = engines.node.match(/\d+\.\d+\.\d+/g);
  expect(oldest).toHaveLength(3);
  let asked = 0;
  for (const [path, { engines: own, os }] of Object.entries<{ engines?: { node?: string }; os?: string[] }>(
    packages,
  )) {
    if (os?.includes('linux') === false) continue;
    // The grammar of most, and of all that ask for a node that is not old.
    if (own?.node === undefined || !/^((\^|>=) ?\d+(\.\d+){0,2}( ?\|\| ?)?)+$/.test(own.node)) continue;
    asked += 1;
    for (const version of oldest)
      expect(isNodeIn(own.node, version), `${path}: ${own.node} and ${version}`).toBe(true);
  }
  expect(asked).toBeGreaterThan(200);
});

it('says of rclnodejs, which npm leaves out where node is too old, which node it wants', async () => {
  const { whyNoRclnodejs } = await scriptAt(project, 'set-up-ros.mjs');
  expect(whyNoRclnodejs('20.12.0')).toBe(
    'rclnodejs is not installed: install node >= 20.20.2, this is 20.12.0, then npm ci',
  );
  expect(whyNoRclnodejs('24.1.0')).toBe('rclnodejs is not installed: npm ci');
});

/** A project with the set-up's scripts and these packages, of which some are installed. */
function projectWith(packages: object, installed: object, node: string): string {
  const folder = emptyFolder();
  mkdirSync(join(folder, 'scripts'));
  mkdirSync(join(folder, 'node_modules'));
  cpSync(resolve('scripts', 'set-up.mjs'), join(folder, 'scripts', 'set-up.mjs'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', engines: { node } }));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
  writeFileSync(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }));
  return folder;
}

it('installs anew what an older node left out, and not what is made for another machine', async () => {
  const [rclnodejs, other] = [
    { version: '2.2.0', optional: true },
    { version: '1.0.0', optional: true },
  ];
  const wanted = { 'node_modules/rclnodejs': rclnodejs, 'node_modules/for-another': other };
  for (const [installed, expected] of [
    [wanted, true],
    [{ 'node_modules/rclnodejs': rclnodejs }, true],
    [{ 'node_modules/for-another': other }, false],
  ] as const) {
    const { arePackagesCurrent } = await scriptAt(projectWith(wanted, installed, '>=20'), 'set-up.mjs');
    expect(arePackagesCurrent()).toBe(expected);
  }
});

it('refuses a node that package.json does not take, in one line', async () => {
  const folder = projectWith({}, {}, '^18.0.0 || >=1000.0.0');
  const script =
    "import { setUpNode } from './scripts/set-up.mjs'; try { setUpNode() } catch (e) { console.log(e.message) }";
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: folder });
  expect(stdout).toBe(`node ${process.versions.node} does not do: install one of ^18.0.0 || >=1000.0.0\n`);
});
