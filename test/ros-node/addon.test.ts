import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { rosEnvironment } from './ros-world.js';

const modules = resolve('node_modules');

/** This package with an rclnodejs of which the addon was never built, or with none. */
function packageWith({ rclnodejs }: { rclnodejs: boolean }): string {
  const root = mkdtempSync(join(tmpdir(), 'aid-addon-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of ['dist/ros-node', 'dist/planner'])
    cpSync(folder, join(root, folder), { recursive: true });
  cpSync('package.json', join(root, 'package.json'));
  mkdirSync(join(root, 'node_modules'));
  for (const name of readdirSync(modules).filter((each) => each !== 'rclnodejs' && !each.startsWith('.')))
    symlinkSync(join(modules, name), join(root, 'node_modules', name));
  const own = ['package.json', 'index.js', 'lib', 'scripts', 'rosidl_gen', 'rosidl_parser', 'third_party'];
  if (rclnodejs)
    for (const name of own)
      cpSync(join(modules, 'rclnodejs', name), join(root, 'node_modules', 'rclnodejs', name), {
        recursive: true,
      });
  return root;
}

it.skipIf(rosEnvironment === null).each([
  ['was never built', true, /rclnodejs was not built for ROS 2 \w+\. It needs ROS 2/],
  ['is not installed', false, /the optional package rclnodejs is not installed/],
])(
  'where the addon %s, importing the node is one error, and nothing is compiled',
  (_, rclnodejs, message) => {
    const root = packageWith({ rclnodejs });
    const code = `try { await import('./dist/ros-node/rclnodejs.js') } catch (e) { console.log(e.code, e.message) }`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: root,
      env: { ...process.env, ...rosEnvironment },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ros-unavailable aid-planner\/ros: /);
    expect(stdout).toMatch(message);
    if (rclnodejs) expect(readdirSync(join(root, 'node_modules', 'rclnodejs'))).not.toContain('build');
  },
);
