import { expect, it, onTestFinished } from 'vitest';
import { VideoPlanner } from '#planner/video-planner.js';
import { tinyModel } from '../support/tiny-model.js';

it('a request is checked without its frames, and as imagine would', async () => {
  const planner = await VideoPlanner.load(await tinyModel(), { provider: 'cpu' });
  onTestFinished(() => planner.dispose());
  expect(planner.check({ instruction: 'put', preset: 'fast', numFrames: 4 })).toBeUndefined();
  expect(() => planner.check({ instruction: 'put', preset: 'slow' })).toThrow(
    /preset: the model has no slow/,
  );
  expect(() => planner.check({ instruction: 'put', numFrames: 5 })).toThrow(
    /numFrames: .* from 1 to 4, got 5/,
  );
  expect(() => planner.check({ instruction: ' ' })).toThrow(/instruction/);
});
