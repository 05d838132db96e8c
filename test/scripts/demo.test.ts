import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { run } from '../cli/run-aid.js';

const DEFAULTS = { scene: '10007', seed: '1' };
const { commandFor, folderOf, parseDemo } = await import(
  pathToFileURL(join('scripts', 'demo-scene.mjs')).href
);

describe('the command line of a demo', () => {
  it.each([
    [[], {}],
    [['push it left'], { command: 'push it left' }],
    [['push', 'it', 'left'], { command: 'push it left' }],
    [['--scene', '7', 'push', '--seed', '3', 'it'], { scene: '7', seed: '3', command: 'push it' }],
    [['--model', 'runs/model'], { model: 'runs/model' }],
    [['--help'], { help: true }],
    [['-h'], { help: true }],
  ])('%j', (args, options) => {
    expect(parseDemo(args, DEFAULTS)).toEqual({ ...DEFAULTS, ...options });
  });

  it.each([
    [['--steps', '3'], 'unknown option --steps; --help tells them'],
    [['-x'], 'unknown option -x; --help tells them'],
    [['--scene', 'first'], '--scene: expected a number'],
    [['--seed'], '--seed: expected a number'],
    [['--model'], '--model: expected a folder'],
  ])('refuses %j', (args, message) => {
    expect(() => parseDemo(args, DEFAULTS)).toThrow(message);
  });

  it.each(['demo', 'demo-ros'])('%s tells it and does nothing else', async (script) => {
    const before = readdirSync('.');
    const { exitCode, stdout, stderr } = await run(process.execPath, [`scripts/${script}.mjs`, '--help']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const name = script.replace('-', ':');
    expect(stdout).toMatch(new RegExp(`^ {2}npm run ${name} +scene 10007 and the command of its episode\n`));
    expect(stdout).toMatch(new RegExp(`^ {2}npm run ${name} -- --model DIR +another model$`, 'm'));
    expect(readdirSync('.')).toEqual(before);
  });
});

it("takes the command that is given, else the one of the scene's episode", () => {
  const commands = [
    { instruction: 'push it', commanded: false },
    { instruction: 'stack it', commanded: true },
  ];
  expect(commandFor('put it', commands, 7)).toBe('put it');
  expect(commandFor(undefined, commands, 7)).toBe('stack it');
  expect(commandFor('put it', [], 7)).toBe('put it');
  expect(() => commandFor(undefined, [], 7)).toThrow('nothing can be done in scene 7');
});

it('gives every command a folder of its own', async () => {
  const commands = ['white', 'yellow'].map(
    (colour) => `pick up the purple cylinder and put it on the ${colour} plate`,
  );
  expect(await Promise.all(commands.map((command) => folderOf('out', 7, command, 1)))).toEqual(
    ['white', 'yellow'].map((colour) =>
      join('out', `scene-7-pick-up-the-purple-cylinder-and-put-it-on-the-${colour}-plate-seed-1`),
    ),
  );
  expect(await folderOf('out', 7, 'Push it!')).toBe(join('out', 'scene-7-push-it'));
});
