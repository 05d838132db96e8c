import { expect, it } from 'vitest';
import { Teardown } from '#ros-node/teardown.js';

it('undoes the last thing first, once, and goes on where something fails', async () => {
  const log: string[] = [];
  const teardown = new Teardown();
  teardown.add(() => log.push('first'));
  teardown.add(async () => {
    throw new Error('stuck');
  });
  teardown.add(() => log.push('last'));
  await expect(teardown.run()).rejects.toThrow('stuck');
  expect(log).toEqual(['last', 'first']);
  await teardown.run();
  expect(log).toHaveLength(2);
});
