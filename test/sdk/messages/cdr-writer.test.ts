import { expect, it } from 'vitest';
import { CdrMemory } from '#sdk/messages/cdr-memory.js';
import { messageWriter } from '#sdk/messages/cdr-writer.js';
import { imageFromFrame, NO_HEADER } from '#sdk/messages/images.js';

const image = (side: number) =>
  imageFromFrame({ width: side, height: side, data: new Uint8Array(3 * side * side).fill(side) }, NO_HEADER);

it('takes as much memory as a message needs, at once, and no more until a longer one comes', () => {
  const writer = messageWriter('sensor_msgs/msg/Image');
  const memory = [8, 500, 100, 501].map((side) => {
    const { buffer, length } = writer.writeOver(image(side));
    return { buffer, length };
  });
  expect(memory.map(({ buffer }) => buffer.byteLength)).toEqual(
    [0, 1, 1, 3].map((longest) => memory[longest]?.length),
  );
  expect(memory[2]?.buffer).toBe(memory[1]?.buffer);
});

it('memory that was reserved is used by whoever shares it', async () => {
  const memory = new CdrMemory();
  await memory.reserve(1 << 20);
  await memory.reserve(100);
  const [one, other] = [
    messageWriter('sensor_msgs/msg/Image', memory),
    messageWriter('std_msgs/msg/String', memory),
  ];
  const { buffer } = one.writeOver(image(500));
  expect(buffer.byteLength).toBe(1 << 20);
  expect(other.writeOver({ data: 'put' }).buffer).toBe(buffer);
});

it('reserves in turns with everything else', async () => {
  let turns = 0;
  const count = (): void => {
    turns += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  await new CdrMemory().reserve(1 << 28);
  clearImmediate(counting);
  expect(turns).toBeGreaterThan(2);
});

it('says which field is missing, and writes the next message as if nothing had been', () => {
  const writer = messageWriter('sensor_msgs/msg/Image');
  const whole = writer.write(image(9));
  expect(() => writer.write({ ...image(9), step: undefined })).toThrow(/^step: missing$/);
  expect(writer.write(image(9))).toEqual(whole);
});
