import { fromEvent, take } from 'rxjs';
import { expect, it } from 'vitest';
import { NewestWins, type QueuedWork } from '#sdk/newest-wins.js';

type Reason = 'preempted' | 'dropped' | 'canceled' | 'reset';
const queueOfWorks = () =>
  new NewestWins<Reason>({ superseded: (was) => (was === 'waiting' ? 'dropped' : 'preempted') });

/** Works that write down what becomes of them, and end when they are told or aborted. */
function recorder() {
  const log: string[] = [];
  const command = (name: string): QueuedWork<Reason> & { finish: () => void } => {
    let finish = (): void => undefined;
    return {
      begin: (signal) =>
        new Promise<void>((resolve) => {
          log.push(`${name} begins`);
          finish = () => {
            log.push(`${name} ends`);
            resolve();
          };
          signal.addEventListener('abort', () => {
            log.push(`${name} ${signal.reason}`);
            // The work stops a little later.
            setTimeout(resolve, 5);
          });
        }),
      drop: (reason) => log.push(`${name} ${reason}`),
      finish: () => finish(),
    };
  };
  return { log, command };
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 20));

it('a newer command ends the current one and begins when it has stopped; one that waits gives way', async () => {
  const { log, command } = recorder();
  const queue = queueOfWorks();
  for (const name of ['a', 'b', 'c']) queue.submit(command(name), { preempt: true });
  expect(log).toEqual(['a begins', 'a preempted', 'b dropped']);
  expect(queue.isBusy).toBe(true);
  await turn();
  expect(log.slice(3)).toEqual(['c begins']);
});

it('without preemption it waits for the end', async () => {
  const { log, command } = recorder();
  const queue = queueOfWorks();
  const first = command('a');
  queue.submit(first, { preempt: false });
  queue.submit(command('b'), { preempt: false });
  queue.submit(command('c'), { preempt: false });
  await turn();
  expect(log).toEqual(['a begins', 'b dropped']);
  first.finish();
  await turn();
  expect(log.slice(2)).toEqual(['a ends', 'c begins']);
});

it('ends one command wherever it is, and all of them', async () => {
  const { log, command } = recorder();
  const queue = queueOfWorks();
  const [a, b, c] = [command('a'), command('b'), command('c')];
  queue.submit(a, { preempt: false });
  queue.submit(b, { preempt: false });
  expect(queue.end(b, 'canceled')).toBe(true);
  expect(queue.end(c, 'canceled')).toBe(false);
  queue.submit(c, { preempt: false });
  expect(await queue.endAll('reset')).toBe(2);
  expect(log).toEqual(['a begins', 'b canceled', 'c reset', 'a reset']);
  expect(queue.isBusy).toBe(false);
  expect(await queue.endAll('reset')).toBe(0);
});

it('one that is submitted while another is told of its end is not ended by what ended the other', () => {
  const log: string[] = [];
  const queue = queueOfWorks();
  /** Ends as soon as it is aborted. */
  const work = (name: string, onDrop = (): void => undefined): QueuedWork<Reason> => ({
    begin: (signal) => {
      log.push(`${name} begins`);
      return fromEvent(signal, 'abort').pipe(take(1));
    },
    drop: (reason) => {
      log.push(`${name} ${reason}`);
      onDrop();
    },
  });
  queue.submit(work('a'), { preempt: false });
  queue.submit(
    work('b', () => queue.submit(work('d'), { preempt: true })),
    { preempt: false },
  );
  queue.submit(work('c'), { preempt: true });
  expect(log).toEqual(['a begins', 'b dropped', 'c dropped', 'd begins']);
});
