import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { encodePng } from '#planner/conditioning/frame.js';
import { picture } from '../planner/conditioning/pictures.js';
import {
  describeWithRos,
  executable,
  LoggingProcess,
  NodeUnderTest,
  pythonOfRos,
  worldForTests,
} from './ros-world.js';

describeWithRos('the executables of aid_bringup', () => {
  const world = worldForTests(66);

  it.each([
    ['by default', {}, 'ASYNCHRONOUS'],
    ['unless it is said otherwise', { RMW_FASTRTPS_PUBLICATION_MODE: 'SYNCHRONOUS' }, 'SYNCHRONOUS'],
  ])('planner_node: Fast DDS sends in a thread of its own %s', async (_, variables, mode) => {
    const node = new NodeUnderTest([], { ...world.environment, ...variables });
    onTestFinished(() => {
      node.process.kill('SIGKILL');
    });
    expect(await world.peer.state('/aid_planner')).toBe('unconfigured');
    const environment = readFileSync(`/proc/${node.process.pid}/environ`, 'utf8').split('\0');
    expect(environment).toContain(`RMW_FASTRTPS_PUBLICATION_MODE=${mode}`);
    await node.end();
  });

  it('planner_node: finds its checkout from a workspace that holds a link to launch/, or a copy of its own', () => {
    const root = world.folder();
    const configured = (name: string, add: (folder: string) => void): string => {
      const source = join(root, name, 'src', 'aid_bringup');
      mkdirSync(join(source, '..'), { recursive: true });
      add(source);
      const build = join(root, name, 'build');
      const { status, stderr } = spawnSync('cmake', ['-S', source, '-B', build, '-DBUILD_TESTING=OFF'], {
        env: world.environment,
        encoding: 'utf8',
      });
      expect([status, stderr]).toEqual([0, expect.not.stringContaining('CMake Error')]);
      return /AID_PLANNER_ROOT:-(.*)\}/.exec(readFileSync(join(build, 'planner_node'), 'utf8'))?.[1] ?? '';
    };
    expect(configured('linked', (folder) => symlinkSync(resolve('launch'), folder))).toBe(resolve('.'));
    expect(configured('copied', (folder) => cpSync('launch', folder, { recursive: true }))).toBe(
      join(root, 'copied', 'src'),
    );
  });

  it('picture_camera: a signal at any moment ends it without a word', async () => {
    const file = join(world.folder(), 'picture.png');
    writeFileSync(file, await encodePng(picture(64, 48)));
    const script = join(import.meta.dirname, 'shut_down_while_spinning.py');
    const { status, stderr } = spawnSync(
      pythonOfRos,
      [script, executable('picture_camera'), '--ros-args', '-p', `file:=${file}`],
      { env: world.environment, encoding: 'utf8' },
    );
    expect([status, stderr]).toEqual([0, '']);
  });

  it.each(['0.0', '-1.0', '.inf', '0'])('picture_camera: refuses a rate of %s in one line', async (rate) => {
    const file = join(world.folder(), 'picture.png');
    writeFileSync(file, await encodePng(picture(64, 48)));
    const camera = new LoggingProcess(
      spawn(executable('picture_camera'), ['--ros-args', '-p', `file:=${file}`, '-p', `rate:=${rate}`], {
        env: world.environment,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    expect(await camera.exit).toEqual({ code: 1, signal: null });
    expect(camera.log).toMatch(/^picture_camera: .*rate.*\n$/);
  });
});
