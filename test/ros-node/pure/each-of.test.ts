import { setTimeout as sleep } from 'node:timers/promises';
import { concat, of, throwError } from 'rxjs';
import { expect, it } from 'vitest';
import { eachOf } from '#ros-node/each-of.js';

it('takes every event to its end before the error that follows', async () => {
  const taken: number[] = [];
  const events = concat(
    of(1, 2),
    throwError(() => new Error('the third')),
  );
  const all = eachOf(events, async (event) => {
    await sleep(5);
    taken.push(event);
  });
  await expect(all).rejects.toThrow('the third');
  expect(taken).toEqual([1, 2]);
});

it('takes no more when taking fails', async () => {
  const taken: number[] = [];
  const all = eachOf(of(1, 2, 3), (event) => {
    taken.push(event);
    if (event === 2) throw new Error('full');
  });
  await expect(all).rejects.toThrow('full');
  expect(taken).toEqual([1, 2]);
});
