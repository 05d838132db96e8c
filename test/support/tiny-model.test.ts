import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import type { StatePrompter } from '#planner/conditioning/state-prompter.js';
import type { ClipReport } from '#planner/imagination/events.js';
import type { ImagineRequest } from '#planner/imagination/request.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { picture } from '../planner/conditioning/pictures.js';
import { tinyModel } from './tiny-model.js';

async function load(folder: string): Promise<VideoPlanner> {
  const planner = await VideoPlanner.load(folder, { provider: 'cpu', threads: 1 });
  onTestFinished(() => planner.dispose());
  return planner;
}

async function clip(
  planner: VideoPlanner,
  request: Partial<ImagineRequest>,
): Promise<{ frames: readonly Frame[]; report: ClipReport }> {
  const whole = { frames: [picture(32, 32)], instruction: 'put the red cube on the blue plate', seed: 7 };
  for await (const event of planner.imagine({ ...whole, ...request })) if (event.kind === 'end') return event;
  throw new Error('no end');
}

const bytes = ({ frames }: { frames: readonly Frame[] }): Buffer =>
  Buffer.concat(frames.map(({ data }) => data));

it('imagines a clip that follows from its seed, its instruction and its frame', async () => {
  const planner = await load(await tinyModel());
  const first = await clip(planner, {});
  expect(first.frames.map(({ width, height }) => [width, height])).toEqual(Array(4).fill([32, 32]));
  expect(first.report).toMatchObject({ seed: 7, numFrames: 4, engine: { provider: 'cpu' }, warnings: [] });
  expect(bytes(await clip(planner, {}))).toEqual(bytes(first));
  for (const change of [
    { seed: 8 },
    { instruction: 'push the green ball to the left' },
    { frames: [picture(32, 32, 2)] },
    { numInferenceSteps: 3 },
    { textGuidance: 1 },
    { preset: 'fast' },
  ] satisfies Partial<ImagineRequest>[]) {
    expect(bytes(await clip(planner, change)), JSON.stringify(Object.keys(change))).not.toEqual(bytes(first));
  }
});

it('shares an observation among clips', async () => {
  const planner = await load(await tinyModel());
  const observation = await planner.observe([picture(32, 32)]);
  expect(bytes(await clip(planner, { frames: observation }))).toEqual(bytes(await clip(planner, {})));
});

it('is small, and the same options write the same bytes', async () => {
  const [first, second] = [await tinyModel(), await tinyModel()];
  const files = readdirSync(first, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const total = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  expect(total).toBeLessThan(4e6);
  const hashes = await Promise.all([first, second].map(async (folder) => (await load(folder)).sha256));
  expect(hashes[0]).toBe(hashes[1]);
});

it('warns of what it does not know in state texts, and of what it does not read', async () => {
  const planner = await load(await tinyModel());
  const states = ['the gripper is open', 'a', 'cube '.repeat(30), 'zorblax is done'] as const;
  expect((await clip(planner, { states })).report.warnings).toEqual([
    'words in the states that the model was never trained on: gripper, zorblax',
    'a state has at least 32 tokens; the model reads the first 24',
  ]);
  const unknown = { instruction: 'put the zorblax on the plate' };
  expect((await clip(planner, unknown)).report.warnings).toEqual([
    'words that the model was never trained on: zorblax',
  ]);
});

it('warns of the states of a state prompter too', async () => {
  const statePrompter: StatePrompter = {
    name: 'poet/1',
    states: async () => ({ states: ['o cube', 'the arm', 'a plate', 'done'], writtenBy: 'poet/1' }),
  };
  const planner = await VideoPlanner.load(await tinyModel(), { provider: 'cpu', threads: 1, statePrompter });
  onTestFinished(() => planner.dispose());
  expect((await clip(planner, {})).report.warnings).toEqual([
    'words in the states that the model was never trained on: o',
  ]);
});
