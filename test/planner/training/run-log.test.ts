import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RunLog } from '#planner/training/run-log.js';
import { temporaryFolder } from './tiny-runs.js';

const line = (event: object): string => `${JSON.stringify(event)}\n`;
const step = (number: number): string => line({ kind: 'step', step: number, loss: 1 / number });

async function afterGoingOn(text: string, from: number): Promise<string> {
  const folder = temporaryFolder();
  const path = join(folder, 'log.jsonl');
  writeFileSync(path, text);
  await new RunLog(path).startAfter(from);
  expect(readdirSync(folder)).toEqual(['log.jsonl']);
  return readFileSync(path, 'utf8');
}

it('loses what came after the checkpoint, and only that', async () => {
  const skipped = line({ kind: 'skipped', name: 'a', reason: 'b' });
  expect(await afterGoingOn(skipped + step(1) + step(2) + skipped + step(3) + step(4), 2)).toBe(
    skipped + step(1) + step(2) + skipped,
  );
  expect(await afterGoingOn(step(1) + step(2), 2)).toBe(step(1) + step(2));
  expect(await afterGoingOn(step(1) + step(2), 0)).toBe('');
});

it('loses a line that was cut short', async () => {
  expect(await afterGoingOn(`${step(1) + step(2)}{"kind":"step","st`, 2)).toBe(step(1) + step(2));
  expect(await afterGoingOn(`${step(1)}{"kind":"st\n${step(2)}`, 2)).toBe(step(1));
});

it('starts where there is none', async () => {
  const log = new RunLog(join(temporaryFolder(), 'log.jsonl'));
  await log.startAfter(0);
  await log.append({ kind: 'step', step: 1 });
  await log.append({ kind: 'step', step: 2 });
  expect(readFileSync(log.path, 'utf8')).toBe('{"kind":"step","step":1}\n{"kind":"step","step":2}\n');
});

it.skipIf(!existsSync('/dev/full'))('names itself when the disk is full', async () => {
  await expect(new RunLog('/dev/full').append({ kind: 'step', step: 1 })).rejects.toMatchObject({
    code: 'io-failed',
    message: expect.stringMatching(/^\/dev\/full: could not be written: ENOSPC/),
  });
});
