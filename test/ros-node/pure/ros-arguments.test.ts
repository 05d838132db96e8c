import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { parse } from 'yaml';
import { coerce, PARAMETERS, truthOf } from '#ros-node/parameters.js';
import { parseRosArguments } from '#ros-node/ros-arguments.js';

function file(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'aid-arguments-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'p.yaml');
  writeFileSync(path, text);
  return path;
}
const seedOf = (yaml: string, ...args: string[]) =>
  parseRosArguments(['--ros-args', ...args, '--params-file', file(yaml)], 'node').parameters.get('seed');
const section = (key: string, seed: number) => `${key}:\n  ros__parameters:\n    seed: ${seed}\n`;

it('takes names and namespaces from remaps', () => {
  const args = [
    'other',
    '--ros-args',
    '-r',
    '__ns:=/a/b',
    '--remap',
    '__node:=n',
    '-r',
    'image:=cam',
    '--',
    '-r',
    '__ns:=/no',
  ];
  expect(parseRosArguments(args, 'node')).toMatchObject({ namespace: '/a/b', name: 'n', fullName: '/a/b/n' });
  expect(parseRosArguments([], 'node').fullName).toBe('/node');
  expect(parseRosArguments(['--ros-args', '-r', 'else:__ns:=/x'], 'node').fullName).toBe('/node');
});

it('no variable of the environment names a namespace', () => {
  vi.stubEnv('ROS_NAMESPACE', '/elsewhere');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(parseRosArguments([], 'node').fullName).toBe('/node');
});

it('takes the truth values of YAML 1.1 where a parameter is one', () => {
  for (const word of ['yes', 'on', 'True', 'y']) expect(coerce('autostart', word), word).toBe(true);
  for (const word of ['no', 'OFF', 'false', 'n']) expect(coerce('autostart', word), word).toBe(false);
  expect(coerce('model', 'on')).toBe('on');
  expect(truthOf('once')).toBe('once');
  expect(() => coerce('autostart', 'maybe')).toThrow(/autostart: expected bool, got maybe/);
});

it.each([
  ['/**', [], 1],
  ['node', [], 1],
  ['/node', [], 1],
  ['/*', [], 1],
  ['/a/node', ['-r', '__ns:=/a'], 1],
  ['/a/**', ['-r', '__ns:=/a'], 1],
  ['/a/*', ['-r', '__ns:=/a'], 1],
  ['/**/node', ['-r', '__ns:=/a/b'], 1],
  ['/a/node', [], undefined],
  ['node', ['-r', '__ns:=/a'], undefined],
  ['/*', ['-r', '__ns:=/a'], undefined],
  ['/nodes', [], undefined],
])('a section %s for a node with %j', (key, args, found) => {
  expect(seedOf(section(key, 1), ...args)).toBe(found === undefined ? undefined : BigInt(found));
});

it('nested namespaces, nested names, types, and the last word wins', () => {
  const yaml =
    'a:\n  node:\n    ros__parameters:\n      seed: 3\n      qos_overrides:\n        /a/image:\n          subscription:\n            depth: 4\n      model: m\n      max_image_age: 2.5\n      preview_loop: false\n';
  const args = [
    '--ros-args',
    '-r',
    '__ns:=/a',
    '-p',
    'seed:=1',
    '--params-file',
    file(yaml),
    '-p',
    'node:model:=n',
  ];
  expect([...parseRosArguments(args, 'node').parameters]).toEqual([
    ['seed', 3n],
    ['qos_overrides./a/image.subscription.depth', 4n],
    ['model', 'n'],
    ['max_image_age', 2.5],
    ['preview_loop', false],
  ]);
});

it('refuses a file that cannot be used', () => {
  expect(() => seedOf('a: [')).toThrow(/p\.yaml: not a parameter file/);
  expect(() => parseRosArguments(['--ros-args', '--params-file', '/nowhere.yaml'], 'n')).toThrow(/nowhere/);
});

it('planner.yaml and the documentation have every parameter with its default', () => {
  const yaml = parse(readFileSync('launch/config/planner.yaml', 'utf8'))['/**'].ros__parameters;
  const defaults = Object.entries(PARAMETERS).map(([name, { value }]) => [
    name,
    typeof value === 'bigint' ? Number(value) : value,
  ]);
  const { states, ...others } = yaml;
  const nested = Object.entries(states).map(([name, value]) => [`states.${name}`, value]);
  expect({ ...others, ...Object.fromEntries(nested) }).toEqual(Object.fromEntries(defaults));
  const docs = readFileSync('docs/ros.md', 'utf8');
  for (const [name, spec] of Object.entries(PARAMETERS))
    expect(docs).toContain(`| \`${name}\` | ${spec.type} |`);
});
