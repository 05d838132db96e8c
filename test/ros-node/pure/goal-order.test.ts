import { expect, it } from 'vitest';
import { CommandError } from '#ros-node/error-codes.js';
import { orderOfGoal } from '#ros-node/goal-order.js';
import { orderOfCommand } from '#ros-node/order.js';
import { PARAMETERS, type Settings } from '#ros-node/parameters.js';
import { AidError } from '#sdk/index.js';
import { NO_HEADER } from '#sdk/messages/images.js';
import type { ImageMessage, ImagineGoal } from '#sdk/messages/messages.js';

const settings = Object.fromEntries(
  Object.entries(PARAMETERS).map(([name, { value }]) => [name, value]),
) as unknown as Settings;
const GOAL: ImagineGoal = {
  instructions: ['put the red cube on the blue plate'],
  states: [],
  frames: [],
  compressed_frames: [],
  seed: -1n,
  candidates: 0,
  num_frames: 0,
  preset: '',
  num_inference_steps: 0,
  frame_guidance: 0,
  text_guidance: 0,
  deadline: { sec: 0, nanosec: 0 },
  preview: false,
};
const orderOf = (fields: Partial<ImagineGoal>, acceptedMs = 0) =>
  orderOfGoal({ ...GOAL, ...fields }, { planId: { uuid: new Uint8Array(16) }, acceptedMs, settings });

/** Of bgr8, so that every pixel has to be turned round. */
function picture(width: number, height: number): ImageMessage {
  const data = new Uint8Array(3 * width * height);
  return { header: NO_HEADER, width, height, encoding: 'bgr8', is_bigendian: 0, step: 3 * width, data };
}

it('its time counts from when the goal was accepted', () => {
  const deadline = { sec: 1, nanosec: 500_000_000 };
  expect(orderOf({ deadline }, 1234)).toMatchObject({ arrivedMs: 1234, deadlineMs: 1500 });
});

it('many frames are decoded in turns with everything else', async () => {
  let turns = 0;
  const count = (): void => {
    turns += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  const given = await orderOf({ frames: Array(6).fill(picture(2000, 2000)) }).given?.decode(
    new AbortController().signal,
  );
  clearImmediate(counting);
  expect(given?.frames).toHaveLength(6);
  expect(turns).toBeGreaterThanOrEqual(5);
});

it('decoding stops when the goal is ended', async () => {
  const controller = new AbortController();
  const order = orderOf({ frames: Array(3).fill(picture(2000, 2000)) });
  const decoding = order.given?.decode(controller.signal);
  controller.abort(new CommandError('CANCELED', ''));
  await expect(decoding).rejects.toMatchObject({ error: 'CANCELED' });
});

it.each([
  ['more than 64 clips in all', { candidates: 65 }, /at most 64 clips in all, got 1 times 65/],
  ['64 times 64', { instructions: Array(64).fill('put'), candidates: 64 }, /got 64 times 64/],
  ['negative guidance', { text_guidance: -1 }, /^text_guidance: expected 0 to 100, got -1$/],
  ['guidance over 100', { frame_guidance: 101 }, /^frame_guidance: expected 0 to 100, got 101$/],
  ['guidance that is no number', { frame_guidance: Number.NaN }, /^frame_guidance: .* got NaN$/],
])('refuses %s', (_, fields, message) => {
  expect(() => orderOf(fields)).toThrow(message);
});

it('takes every seed that leaves room for its candidates', () => {
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  expect(orderOf({ seed: most, candidates: 1 }).seeds).toEqual([Number.MAX_SAFE_INTEGER]);
  expect(() => orderOf({ seed: most, candidates: 2 })).toThrow(
    /^seed: expected -1 to 9007199254740990 for 2/,
  );
});

it('refuses a state that is longer than 1000 characters', () => {
  const states = ['a', 'b', 'c', 'd'.repeat(1001)];
  expect(() => orderOf({ states })).toThrow(/^states\[3\]: expected at most 1000 characters, got 1001$/);
});

it('refuses a command that is longer than 1000 characters, on the topic as in a goal', () => {
  const long = 'put '.repeat(250).trim();
  expect(orderOf({ instructions: [`${long} `] }).instructions).toEqual([long]);
  const tooLong = [
    () => orderOf({ instructions: [`${long} it`] }),
    () => orderOfCommand(`${long} it`, settings, 0),
  ];
  for (const order of tooLong) expect(order).toThrow(/expected at most 1000 characters, got 1002/);
  try {
    tooLong[0]?.();
  } catch (error) {
    expect(CommandError.from(error).error).toBe('INVALID_INSTRUCTION');
  }
});

it('an error code comes of what an error is, not of how its text begins', () => {
  expect(CommandError.from(new AidError('engine-failed', 'instruction cache: broken')).error).toBe(
    'ENGINE_FAILED',
  );
});
