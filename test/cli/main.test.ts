import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { failureOf } from '#cli/failure.js';
import { AidError } from '#planner/errors.js';
import { AID, aid, run } from './run-aid.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

describe('aid', () => {
  it('tells its version', async () => {
    expect(await aid(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('tells its commands, and a command its options', async () => {
    const { exitCode, stdout } = await aid(['--help']);
    expect(exitCode).toBe(0);
    for (const command of ['imagine', 'doctor', 'verify', 'train'])
      expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
    const imagine = await aid(['imagine', '--help']);
    expect(imagine.exitCode).toBe(0);
    for (const option of ['--out', '--seed', '--steps', '--candidates', '--model', '--json'])
      expect(imagine.stdout).toContain(`${option} `);
  });

  it.each([
    [['imagin'], "aid: unknown command 'imagin' (Did you mean imagine?)"],
    [['--nope'], "aid: unknown option '--nope'"],
    [['imagine'], "aid: missing required argument 'frame'"],
    [['imagine', 'frame.png'], "aid: missing required argument 'command'"],
    [['imagine', 'frame.png', 'put', 'it', 'there'], /^aid: too many arguments/],
  ])('answers %j with one line', async (args, line) => {
    const { exitCode, stdout, stderr } = await aid(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr.trimEnd()).not.toContain('\n');
    if (typeof line === 'string') expect(stderr).toBe(`${line}\n`);
    else expect(stderr).toMatch(line);
  });

  it('does not mind a reader that goes away', async () => {
    const { exitCode, stderr } = await run('bash', [
      '-c',
      `'${process.execPath}' '${AID}' --help | head -n 1`,
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  it('shows a stack trace to those who ask for it', async () => {
    const args = ['imagine', 'nowhere.png', 'put it there'];
    const { stderr } = await aid(args, { environment: { AID_DEBUG: '1' } });
    expect(stderr).toMatch(/^aid: nowhere\.png: no such file\nAidError: .*\n +at /);
  });
});

describe('a failure', () => {
  it('is told in one line', () => {
    const error = new AidError('engine-failed', 'the engine failed:\n  out of memory\n');
    expect(failureOf(error)).toEqual({ line: 'aid: the engine failed: out of memory', exitCode: 1 });
  });

  it('that nobody foresaw says that it should be reported', () => {
    const { line, exitCode } = failureOf(new TypeError("Cannot read properties of undefined (reading 'x')"));
    expect(exitCode).toBe(1);
    expect(line).toMatch(
      /^aid: an error that aid did not foresee, please report it .*: TypeError: Cannot read/,
    );
    expect(line).not.toContain('\n');
  });

  it('that is an interruption ends as a shell expects it', () => {
    expect(failureOf(new AidError('aborted', 'imagine: aborted'))).toEqual({
      line: 'aid: interrupted',
      exitCode: 130,
    });
  });
});
