import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { takeLock, waitForLock } from '#planner/lock-file.js';
import { temporaryFolder } from './conditioning/temporary-folder.js';

const MODULE = new URL('../../dist/planner/lock-file.js', import.meta.url);

/** A process that takes the lock, says so and sleeps. */
async function holder(path: string): Promise<{ pid: number; kill(): Promise<void> }> {
  const script = `const { takeLock } = await import(${JSON.stringify(MODULE.href)});
    await takeLock(${JSON.stringify(path)}, 'out'); console.log('taken'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return { pid: child.pid as number, kill };
}

const lockIn = (folder: string): string => join(folder, 'out', '.lock');

describe('a lock', () => {
  it('is refused while another process holds it, and the error says which', async () => {
    const path = lockIn(temporaryFolder());
    const { pid } = await holder(path);
    const before = readFileSync(path, 'utf8');
    await expect(takeLock(path, 'out')).rejects.toMatchObject({
      code: 'io-failed',
      message: expect.stringMatching(
        new RegExp(`^out: in use by process ${pid} since \\d{4}-\\S+Z; wait for it or stop it$`),
      ),
    });
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(readdirSync(join(path, '..'))).toEqual(['.lock']);
  });

  it('cannot be taken where a file stands in the place of its folder', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'out'), '');
    await expect(takeLock(join(folder, 'out', '.lock'), 'out')).rejects.toMatchObject({
      code: 'io-failed',
      message: expect.stringMatching(/^out: could not be locked: /),
    });
  });

  it('is refused to the process that holds it already', async () => {
    const path = lockIn(temporaryFolder());
    const lock = await takeLock(path, 'out');
    await expect(takeLock(path, 'out')).rejects.toThrow(`in use by process ${process.pid} since`);
    await lock.release();
    await (await takeLock(path, 'out')).release();
  });

  it('of a process that was killed is taken over', async () => {
    const path = lockIn(temporaryFolder());
    const { kill } = await holder(path);
    await kill();
    expect(existsSync(path)).toBe(true);
    const lock = await takeLock(path, 'out');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid });
    await lock.release();
    expect(existsSync(path)).toBe(false);
  });

  it('of a process whose number another one has now is taken over', async () => {
    const path = lockIn(temporaryFolder());
    const lock = await takeLock(path, 'out');
    const own = JSON.parse(readFileSync(path, 'utf8'));
    if (own.began === undefined) return; // Only Linux tells.
    writeFileSync(path, JSON.stringify({ ...own, began: 'another boot 1' }));
    await takeLock(path, 'out');
    // The first one no longer has it, and does not take it away.
    await lock.release();
    expect(existsSync(path)).toBe(true);
  });

  it('that was cut short, or never was one, is taken over', async () => {
    const folder = temporaryFolder();
    for (const text of ['', '{"pid": 1', 'free']) {
      const path = join(folder, '.lock');
      writeFileSync(path, text);
      await (await takeLock(path, 'out')).release();
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of another machine is never taken over, and the error says what to do', async () => {
    const path = join(temporaryFolder(), '.lock');
    const other = `not-${hostname()}`;
    writeFileSync(path, JSON.stringify({ pid: 1, host: other, since: '2026-01-01T00:00:00Z' }));
    await expect(takeLock(path, 'out')).rejects.toThrow(
      `out: in use by process 1 on ${other} since 2026-01-01T00:00:00Z; wait for it or stop it; if it no longer runs, delete ${path}`,
    );
  });

  it('goes to one of many that find a dead one', async () => {
    const path = lockIn(temporaryFolder());
    const { kill } = await holder(path);
    await kill();
    const dead = readFileSync(path, 'utf8');
    for (let round = 0; round < 50; round++) {
      writeFileSync(path, dead);
      const taken = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(path, 'out')));
      expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(readdirSync(join(path, '..'))).toEqual(['.lock']);
    }
  });

  it('is waited for until nobody has it, with a line that says who does', async () => {
    const path = lockIn(temporaryFolder());
    const { pid, kill } = await holder(path);
    const lines: string[] = [];
    let isOver = false;
    const waited = waitForLock(path, 'out', { onWaiting: (line) => lines.push(line) }).finally(() => {
      isOver = true;
    });
    await expect.poll(() => lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^out: in use by process ${pid} since \\S+; waiting for it$`));
    expect(isOver).toBe(false);
    await kill();
    const lock = await waited;
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid });
    const controller = new AbortController();
    const aborted = waitForLock(path, 'out', {
      onWaiting: () => controller.abort(),
      abortSignal: controller.signal,
    });
    await expect(aborted).rejects.toMatchObject({ code: 'aborted' });
    await lock.release();
    expect(existsSync(path)).toBe(false);
  });

  it('takes the folders that were made for it with it, and no others', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a', 'b', '.lock');
    await (await takeLock(path, 'out')).release();
    expect(readdirSync(folder)).toEqual([]);
    const lock = await takeLock(path, 'out');
    writeFileSync(join(folder, 'a', 'b', 'model'), '');
    await lock.release();
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['model']);
  });
});
