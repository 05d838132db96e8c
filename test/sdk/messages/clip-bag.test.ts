import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { McapWriter } from '@mcap/core';
import { FileHandleWritable } from '@mcap/nodejs';
import { expect, it, onTestFinished } from 'vitest';
import { messageWriter } from '#sdk/messages/cdr-writer.js';
import { fullDefinition, imageFromFrame, NO_CAMERA_INFO, readClipBag } from '#sdk/messages/index.js';
import type { ClipMessage, Header, ImageMessage } from '#sdk/messages/messages.js';

const at = (sec: number, frame_id = 'camera'): Header => ({ stamp: { sec, nanosec: 0 }, frame_id });

/** A picture of one colour, by which it is known again. */
const picture = (colour: number, header: Header): ImageMessage =>
  imageFromFrame({ width: 8, height: 8, data: new Uint8Array(192).fill(colour) }, header);

function clip(header: Header, numGivenFrames = 1): ClipMessage {
  const none = { sec: 0, nanosec: 0 };
  return {
    header,
    generated_at: none,
    plan_id: { uuid: new Uint8Array(16) },
    instruction: 'put',
    states: [],
    states_written_by: '',
    model_id: '',
    model_sha256: '',
    execution_provider: '',
    seed: 1n,
    sampler: '',
    num_inference_steps: 1,
    frame_guidance: 1,
    text_guidance: 1,
    num_given_frames: numGivenFrames,
    time_from_start: [],
    frames: [],
    compressed_frames: [],
    confidence: new Float32Array(),
    camera_info: NO_CAMERA_INFO,
    rank: 0,
    score: 0,
    planning_time: none,
    warnings: [],
    sigmas: new Float64Array(),
  };
}

/** A bag with messages on whatever topics, recorded a second after one another. */
async function bagOf(
  messages: readonly [topic: string, message: ClipMessage | ImageMessage][],
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'aid-bag-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'all.mcap');
  const file = await open(path, 'w');
  const writer = new McapWriter({ writable: new FileHandleWritable(file), useChunks: true });
  await writer.start({ profile: 'ros2', library: '' });
  const channels = new Map<string, number>();
  for (const [index, [topic, message]] of messages.entries()) {
    const type = 'num_given_frames' in message ? 'aid_msgs/msg/Clip' : 'sensor_msgs/msg/Image';
    if (!channels.has(topic)) {
      const data = new TextEncoder().encode(fullDefinition(type));
      const schemaId = await writer.registerSchema({ name: type, encoding: 'ros2msg', data });
      const channel = { schemaId, topic, messageEncoding: 'cdr', metadata: new Map() };
      channels.set(topic, await writer.registerChannel(channel));
    }
    await writer.addMessage({
      channelId: channels.get(topic) ?? 0,
      sequence: index,
      logTime: BigInt(index) * 1_000_000_000n,
      publishTime: 0n,
      data: messageWriter(type).write(message),
    });
  }
  await writer.end();
  await file.close();
  return path;
}

async function coloursOf(path: string): Promise<number[][]> {
  const bags = await readClipBag(path);
  return bags.map(({ images }) => images.map(({ data }) => data[0] ?? -1));
}

it("of a bag of all topics, takes the camera's image, not what was imagined from it", async () => {
  const path = await bagOf([
    ['/cam/image_raw', picture(1, at(4))],
    ['/cam/image_raw', picture(2, at(5))],
    ['/other/image', picture(3, at(5, 'other'))],
    ['/robot/goal_preview', picture(97, at(5))],
    ['/cam/image_raw', picture(4, at(6))],
    ['/robot/clip', clip(at(5))],
    ['/robot/goal_image', picture(98, at(5))],
    ['/robot/preview', picture(99, at(5))],
    ['/robot/renamed_preview', picture(99, at(5))],
    ['/robot/clip', clip(at(6))],
  ]);
  expect(await coloursOf(path)).toEqual([[2], [4]]);
});

it('takes the last images up to the clip where several were given', async () => {
  const camera = [7, 5, 3, 4, 6].map((sec): [string, ImageMessage] => ['/image', picture(sec, at(sec))]);
  const clips: [string, ClipMessage][] = [
    ['/clip', clip(at(6), 3)],
    ['/clip', clip(at(4), 2)],
  ];
  expect(await coloursOf(await bagOf([...camera, ...clips]))).toEqual([
    [4, 5, 6],
    [3, 4],
  ]);
});

it("refuses a bag that begins too late for the camera's image, though what was imagined from it is there", async () => {
  const path = await bagOf([
    ['/preview', picture(99, at(5))],
    ['/clip', clip(at(5))],
    ['/preview', picture(98, at(5))],
    ['/image', picture(1, at(6))],
  ]);
  await expect(readClipBag(path)).rejects.toMatchObject({
    code: 'invalid-data',
    message: expect.stringMatching(
      /expected the 1 camera images that end at 5\.000000000, found 0 up to then/,
    ),
  });
});
