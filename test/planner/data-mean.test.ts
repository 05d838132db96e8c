import { expect, it, onTestFinished } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { tinyModel } from '../support/tiny-model.js';
import { picture } from './conditioning/pictures.js';

/** Imagines in one step with a network that says nothing: what is left is the mean of the data. */
async function imagined(dataMean: 'zero' | 'frame', frameGuidance = 1) {
  const planner = await VideoPlanner.load(
    await tinyModel({
      silent: true,
      aid: { data_mean: dataMean, sampling: { num_inference_steps: 1, frame_guidance: frameGuidance } },
    }),
    { provider: 'cpu', threads: 1 },
  );
  onTestFinished(() => planner.dispose());
  const given = picture(32, 32);
  const still = await planner.reconstruct([given, given, given, given]);
  for await (const event of planner.imagine({ frames: [given], instruction: 'push the red cube', seed: 1 }))
    if (event.kind === 'end') return { clip: event.frames, still };
  throw new Error('no end');
}

/** Mean difference of two clips, of 255 levels. */
function apart(a: readonly Frame[], b: readonly Frame[]): number {
  const differences = a.flatMap(({ data }, i) =>
    Array.from(data, (value, at) => Math.abs(value - (b[i]?.data[at] as number))),
  );
  return differences.reduce((sum, value) => sum + value, 0) / differences.length;
}

it.each([1, 2])(
  'is the given frame in every frame, whatever the frame guidance: %d',
  async (frameGuidance) => {
    const { clip, still } = await imagined('frame', frameGuidance);
    // What is left of the noise after the step: its deviation times 1 / sigma_max.
    expect(apart(clip, still)).toBeLessThan(0.5);
  },
);

it('is nothing in particular where the model is as SVD', async () => {
  const { clip, still } = await imagined('zero');
  expect(apart(clip, still)).toBeGreaterThan(5);
});

it.each([1, 2])('starts from the given frames, however little noise there is: %d given', async (given) => {
  const planner = await VideoPlanner.load(
    await tinyModel({ silent: true, aid: { data_mean: 'frame', sampling: { frame_guidance: 1 } } }),
    { provider: 'cpu', threads: 1 },
  );
  onTestFinished(() => planner.dispose());
  const request = { instruction: 'push the red cube', seed: 1, sigmas: [0.01] };
  const [first, ...others] = await Promise.all(
    [1, 2, 3].map(async (seed) => {
      const frames = Array.from({ length: given }, (_, i) => picture(32, 32, given * seed + i));
      for await (const event of planner.imagine({ ...request, frames }))
        if (event.kind === 'end') return event.frames;
      throw new Error('no end');
    }),
  );
  // The same noise: what differs comes from the given frames, in every frame of the clip.
  for (const other of others)
    first?.forEach((frame, i) => {
      expect(apart([frame], other.slice(i, i + 1)), `frame ${i}`).toBeGreaterThan(2);
    });
});
