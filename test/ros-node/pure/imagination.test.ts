import { lastValueFrom, of, throwError, toArray } from 'rxjs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { DeadlineExceededError } from '#planner/imagination/deadline.js';
import { imagineOrder, type OrderClips, type OrderStep } from '#ros-node/imagination.js';
import type { Order } from '#ros-node/order.js';
import { end, fakePlanner, frame, step } from '../../sdk/fake-planner.js';

const order: Order = {
  planId: { uuid: new Uint8Array(16) },
  instructions: ['go left', 'go right'],
  states: [],
  seeds: [1, 2],
  sampling: {},
  given: undefined,
  deadlineMs: 0,
  preview: false,
  arrivedMs: 0,
};
const limits = { abortSignal: new AbortController().signal, leftMs: () => undefined };

it('gives the steps of all clips, and the clips of each instruction when they are there', async () => {
  const planner = fakePlanner(() => of(step(1), end()));
  const events = await lastValueFrom(imagineOrder(planner, order, [frame], limits).pipe(toArray()));
  const told = events.map((event) => (event.kind === 'step' ? event.clip : event.clips.length));
  expect(told).toEqual([0, 1, 2, 2, 3, 2]);
  expect(planner.requests[0]).not.toHaveProperty('deadlineMs');
});

it('looks at the frames once: for one clip as part of it, for several instructions before', async () => {
  const planner = fakePlanner(() => of(end()));
  const observe = vi.spyOn(planner, 'observe');
  await lastValueFrom(imagineOrder(planner, { ...order, instructions: ['go'], seeds: [1] }, [frame], limits));
  expect(planner.requests[0]?.frames).toEqual([frame]);
  expect(observe).not.toHaveBeenCalled();
  await lastValueFrom(imagineOrder(planner, order, [frame], limits));
  expect(observe).toHaveBeenCalledTimes(1);
});

it('shares a deadline among the clips of all instructions', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const planner = fakePlanner(() => {
    vi.advanceTimersByTime(100);
    return of(end());
  });
  await lastValueFrom(imagineOrder(planner, order, [frame], { ...limits, leftMs: () => 1000 }));
  expect(planner.requests.map(({ deadlineMs }) => deadlineMs)).toEqual([250, 300, 400, 700]);
});

it('gives the clips that there are before the error of the one that failed', async () => {
  const late = new DeadlineExceededError('late', new Map(), 1, []);
  const planner = fakePlanner(({ seed }) => (seed === 2 ? throwError(() => late) : of(end())));
  const events: (OrderStep | OrderClips)[] = [];
  const all = imagineOrder(planner, order, [frame], limits);
  await expect(
    new Promise((resolve, reject) => {
      all.subscribe({ next: (event) => events.push(event), error: reject, complete: () => resolve(0) });
    }),
  ).rejects.toBe(late);
  expect(events).toMatchObject([{ kind: 'clips', clips: [{ rank: 0 }] }]);
});
