import { expect, it } from 'vitest';
import { diagnosticArray, type NodeHealth } from '#ros-node/diagnostics.js';
import { RecentCount } from '#ros-node/recent-count.js';
import { Statistics } from '#ros-node/statistics.js';

const [OK, WARN, ERROR] = [0, 1, 2];
const MINUTE = 60_000;

function statusOf(health: Partial<NodeHealth>): {
  level: number;
  message: string;
  values: Map<string, string>;
} {
  const whole: NodeHealth = {
    fullName: '/node',
    state: 'active',
    isEnabled: true,
    isBusy: false,
    model: undefined,
    statistics: new Statistics(0),
    imagesReceived: 1,
    imageAgeMs: 10,
    maxImageAgeMs: 1000,
    callbackErrors: new RecentCount(),
    transitionError: undefined,
    nowMs: 0,
    ...health,
  };
  const { status } = diagnosticArray(whole, { sec: 0, nanosec: 0 }) as {
    status: [{ level: number; message: string; values: { key: string; value: string }[] }];
  };
  const [{ level, message, values }] = status;
  return { level, message, values: new Map(values.map(({ key, value }) => [key, value])) };
}

it('a model that could not be loaded is an error, whatever the state', () => {
  const failed = { state: 'unconfigured', transitionError: 'configure failed: no such folder' };
  expect(statusOf(failed)).toMatchObject({ level: ERROR, message: 'configure failed: no such folder' });
  expect(statusOf({ state: 'unconfigured' })).toMatchObject({ level: OK, message: 'unconfigured' });
});

it('what failed is an error for a minute, or until the node is configured again, and is counted for ever', () => {
  const statistics = new Statistics(0);
  statistics.end('ENGINE_FAILED', 5, 1000);
  statistics.end('INVALID_INSTRUCTION', 5, 1000);
  statistics.lost.add(1000, 7);
  const health = { statistics, nowMs: 1000 };
  expect(statusOf(health)).toMatchObject({ level: ERROR, message: '1 commands failed; see the log' });
  expect(statusOf({ ...health, nowMs: 1000 + MINUTE }).level).toBe(ERROR);
  const later = statusOf({ ...health, nowMs: 1001 + MINUTE });
  expect(later).toMatchObject({ level: OK, message: 'ready' });
  expect([later.values.get('failed'), later.values.get('lost')]).toEqual(['1', '7']);
  statistics.end('INTERNAL', 5, 2 * MINUTE);
  statistics.forgetFailures();
  expect(statusOf({ statistics, nowMs: 2 * MINUTE }).level).toBe(OK);
});

it('commands lost are a warning for a minute, callbacks that threw an error', () => {
  const statistics = new Statistics(0);
  statistics.lost.add(0, 3);
  expect(statusOf({ statistics })).toMatchObject({ level: WARN, message: '3 commands lost on the way here' });
  expect(statusOf({ statistics, nowMs: MINUTE + 1 }).level).toBe(OK);
  const callbackErrors = new RecentCount();
  callbackErrors.add(0);
  expect(statusOf({ callbackErrors }).level).toBe(ERROR);
  expect(statusOf({ callbackErrors, nowMs: MINUTE + 1 }).level).toBe(OK);
});

it('a camera that stopped is a warning: only who hears nothing of the node calls it stale', () => {
  expect(statusOf({ imageAgeMs: 2500 })).toMatchObject({
    level: WARN,
    message: "the camera's latest frame is 2.5 s old",
  });
});

it('the rate is that of the last minute, however fast, and of the time so far in the first', () => {
  const statistics = new Statistics(1000);
  expect(statistics.rate(1000)).toBe(0);
  for (let i = 1; i <= 10; i++) statistics.end('NONE', 5, 1000 + 1000 * i);
  expect(statistics.rate(11_000)).toBe(1);
  const busy = new Statistics(0);
  for (let i = 0; i < 1200; i++) busy.end('NONE', 5, MINUTE + 50 * i);
  expect(busy.rate(MINUTE + 50 * 1199)).toBe(20);
});
