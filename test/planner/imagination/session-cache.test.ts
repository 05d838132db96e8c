import { expect, it } from 'vitest';
import { SessionCache } from '#planner/imagination/session-cache.js';
import type { GraphSession } from '#planner/runtime/engine.js';

function sessions(capacity: number) {
  const cache = new SessionCache(capacity);
  const events: string[] = [];
  const session = (name: string, release = async () => undefined): GraphSession => ({
    inputNames: [],
    outputNames: [],
    run: async () => ({ tensors: {}, resident: {} }),
    release: async () => {
      events.push(`release ${name}`);
      await release();
    },
  });
  const load = (name: string, release?: () => Promise<undefined>) => async () => {
    events.push(`load ${name}`);
    return session(name, release);
  };
  return { cache, events, load };
}
const nothing = async () => undefined;

it('frees what nobody uses, the one used longest ago first', async () => {
  const { cache, events, load } = sessions(1);
  await cache.use('a', load('a'), nothing);
  await cache.use('b', load('b'), nothing);
  await cache.use('b', load('b'), nothing);
  expect(events).toEqual(['load a', 'load b', 'release a']);
});

it('does not free what came into use while another was freed', async () => {
  const { cache, events, load } = sessions(2);
  let free = (): void => undefined;
  const freed = new Promise<undefined>((resolve) => {
    free = () => resolve(undefined);
  });
  let leave = (): void => undefined;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  await cache.use(
    'a',
    load('a', () => freed),
    nothing,
  );
  await cache.use('b', load('b'), nothing);
  const [done, held] = ['c', 'd'].map((name) =>
    cache.use(name, load(name), () => (name === 'd' ? left : nothing())),
  );
  await new Promise((resolve) => setImmediate(resolve));
  expect(events.at(-1)).toBe('release a');
  await cache.use('b', load('again b'), async () => {
    free();
    await done;
    expect(events).not.toContain('release b');
  });
  leave();
  await held;
  expect(events).not.toContain('load again b');
});

it('a session that cannot be freed is no failure of the work', async () => {
  const { cache, load } = sessions(0);
  const broken = load('a', async () => {
    throw new Error('gone');
  });
  await expect(cache.use('a', broken, async () => 'done')).resolves.toBe('done');
});

it('who has aborted begins no load, and who aborts does not wait for one', async () => {
  const { cache, events, load } = sessions(1);
  const late = cache.use('a', load('a'), nothing, AbortSignal.abort());
  await expect(late).rejects.toMatchObject({ code: 'aborted' });
  expect(events).toEqual([]);
  const controller = new AbortController();
  const waiting = cache.use('b', () => new Promise(() => undefined), nothing, controller.signal);
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
});

it('what could not be loaded is tried again', async () => {
  const { cache, events, load } = sessions(1);
  const failing = cache.use('a', () => Promise.reject(new Error('busy')), nothing);
  await expect(failing).rejects.toThrow('busy');
  await cache.use('a', load('a'), nothing);
  expect(events).toEqual(['load a']);
});
