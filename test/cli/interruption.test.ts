import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { filesForTests } from './model-for-tests.js';
import { AID, emptyFolder, run } from './run-aid.js';

const files = filesForTests();
const COMMAND = 'put the red cube on the blue plate';

function imagine(...flags: string[]): string[] {
  const fixed = ['--model', files.model, '--provider', 'cpu', '--threads', '1', '--out', 'new/clip'];
  return [process.execPath, AID, 'imagine', files.frame, COMMAND, ...fixed, ...flags];
}

const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ');

/** Starts a command in a terminal, types Ctrl-C when it shows `until`, and tells how it ended and what was shown. */
function typeCtrlC(
  words: readonly string[],
  until: RegExp,
  cwd: string,
): Promise<{ exitCode: number | null; shown: string }> {
  return new Promise((resolve) => {
    const terminal = spawn('script', ['-qec', quoted(words), '/dev/null'], { cwd });
    let shown = '';
    let isTyped = false;
    terminal.stdout.on('data', (data: Buffer) => {
      shown += data.toString();
      if (isTyped || !until.test(shown)) return;
      isTyped = true;
      terminal.stdin.write('\x03');
    });
    terminal.on('close', (exitCode) => resolve({ exitCode, shown }));
  });
}

const hasTerminals = process.platform === 'linux' && existsSync('/usr/bin/script');

describe('Ctrl-C', () => {
  it.skipIf(!hasTerminals)('stops between two denoising steps and leaves nothing', async () => {
    const cwd = emptyFolder();
    const { exitCode, shown } = await typeCtrlC(imagine('--steps', '1000'), /\d+\/1000 steps/, cwd);
    expect(exitCode).toBe(130);
    expect(shown.trimEnd().split('\n').at(-1)).toContain('aid: interrupted');
    const steps = [...shown.matchAll(/(\d+)\/1000 steps/g)].map(([, step]) => Number(step));
    expect(Math.max(...steps)).toBeLessThan(500);
    expect(readdirSync(cwd)).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')('counts as such when a service manager sends SIGTERM', async () => {
    const cwd = emptyFolder();
    const [file = '', ...args] = imagine('--steps', '1000');
    const child = spawn(file, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => {
      stderr += data.toString();
    });
    const ended = new Promise((resolve) => child.on('close', (exitCode) => resolve(exitCode)));
    while (child.exitCode === null && !hasLoadedEngine(child.pid)) await setTimeout(20);
    child.kill('SIGTERM');
    expect(await ended).toBe(130);
    expect(stderr).toBe('aid: interrupted\n');
    expect(readdirSync(cwd)).toEqual([]);
  });
});

function hasLoadedEngine(pid: number | undefined): boolean {
  return readFileSync(`/proc/${pid}/maps`, 'utf8').includes('libonnxruntime');
}

describe('a disk that is full', () => {
  it.skipIf(process.platform === 'win32')('is one clear error, and nothing is left', async () => {
    const cwd = emptyFolder();
    // No file may become larger than a kilobyte.
    const { exitCode, stdout, stderr } = await run('bash', ['-c', `ulimit -f 1; exec ${quoted(imagine())}`], {
      cwd,
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toBe('aid: new/clip: could not be written: a file may not become that large here\n');
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('is one clear error on a disk of 16 kilobytes', async ({ skip }) => {
    const disk = join(emptyFolder(), 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      skip('mounting a small disk takes root');
    }
    try {
      const { exitCode, stderr } = await run('bash', ['-c', `exec ${quoted(imagine())}`], { cwd: disk });
      expect(exitCode).toBe(1);
      expect(stderr).toBe('aid: new/clip: could not be written: the disk is full\n');
      expect(readdirSync(disk)).toEqual([]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});
