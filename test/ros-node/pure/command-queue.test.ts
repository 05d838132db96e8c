import { expect, it } from 'vitest';
import { type Command, CommandQueue } from '#ros-node/command-queue.js';
import { CommandError } from '#ros-node/error-codes.js';

/** Commands that write down what becomes of them, and end when they are told or aborted. */
function recorder() {
  const log: string[] = [];
  const command = (name: string): Command & { finish: () => void } => {
    let finish = (): void => undefined;
    return {
      begin: (signal) =>
        new Promise((resolve) => {
          log.push(`${name} begins`);
          finish = () => {
            log.push(`${name} ends`);
            resolve();
          };
          signal.addEventListener('abort', () => {
            log.push(`${name} ${(signal.reason as CommandError).error}`);
            // The work stops a little later.
            setTimeout(resolve, 5);
          });
        }),
      drop: ({ error }) => log.push(`${name} ${error}`),
      finish: () => finish(),
    };
  };
  return { log, command };
}
const unexpected = (error: unknown): never => {
  throw error;
};
const turn = () => new Promise((resolve) => setTimeout(resolve, 20));

it('a newer command ends the current one and begins when it has stopped; one that waits gives way', async () => {
  const { log, command } = recorder();
  const queue = new CommandQueue(unexpected);
  for (const name of ['a', 'b', 'c']) queue.submit(command(name), { preempt: true });
  expect(log).toEqual(['a begins', 'a PREEMPTED', 'b DROPPED']);
  expect(queue.isBusy).toBe(true);
  await turn();
  expect(log.slice(3)).toEqual(['c begins']);
});

it('without preemption it waits for the end', async () => {
  const { log, command } = recorder();
  const queue = new CommandQueue(unexpected);
  const first = command('a');
  queue.submit(first, { preempt: false });
  queue.submit(command('b'), { preempt: false });
  queue.submit(command('c'), { preempt: false });
  await turn();
  expect(log).toEqual(['a begins', 'b DROPPED']);
  first.finish();
  await turn();
  expect(log.slice(2)).toEqual(['a ends', 'c begins']);
});

it('ends one command wherever it is, and all of them', async () => {
  const { log, command } = recorder();
  const queue = new CommandQueue(unexpected);
  const [a, b, c] = [command('a'), command('b'), command('c')];
  const canceled = new CommandError('CANCELED', '');
  queue.submit(a, { preempt: false });
  queue.submit(b, { preempt: false });
  expect(queue.end(b, canceled)).toBe(true);
  expect(queue.end(c, canceled)).toBe(false);
  queue.submit(c, { preempt: false });
  expect(await queue.endAll(new CommandError('RESET', ''))).toBe(2);
  expect(log).toEqual(['a begins', 'b CANCELED', 'c RESET', 'a RESET']);
  expect(queue.isBusy).toBe(false);
  expect(await queue.endAll(new CommandError('RESET', ''))).toBe(0);
});

it('a command that throws, against its word, is told of and makes room for the next', async () => {
  const failures: unknown[] = [];
  const { log, command } = recorder();
  const queue = new CommandQueue((error) => failures.push((error as Error).message));
  const broken = (begin: Command['begin']): Command => ({
    begin,
    drop: () => {
      throw new Error('dropped badly');
    },
  });
  queue.submit(
    broken(() => {
      throw new Error('began badly');
    }),
    { preempt: false },
  );
  queue.submit(
    broken(async () => undefined),
    { preempt: false },
  );
  queue.submit(command('a'), { preempt: false });
  await turn();
  expect(failures).toEqual(['dropped badly', 'began badly']);
  expect(log).toEqual(['a begins']);
});

it('ending all waits for what there is, not for what comes meanwhile', async () => {
  const { log, command } = recorder();
  const queue = new CommandQueue(unexpected);
  queue.submit(command('a'), { preempt: false });
  const ended = queue.endAll(new CommandError('RESET', ''));
  queue.submit(command('b'), { preempt: false });
  expect(await ended).toBe(1);
  expect(log).toEqual(['a begins', 'a RESET', 'b begins']);
  expect(queue.isBusy).toBe(true);
});
