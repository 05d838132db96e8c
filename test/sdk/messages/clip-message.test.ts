import { expect, it } from 'vitest';
import type { ClipReport } from '#planner/imagination/events.js';
import { clipMessage } from '#sdk/messages/clip-message.js';
import { NO_CAMERA_INFO, NO_HEADER } from '#sdk/messages/images.js';
import { frame } from '../fake-planner.js';

const report = {
  seed: 1,
  states: [],
  warnings: [],
  sigmas: [],
  width: 8,
  height: 8,
  model: { path: 'model', sha256: '' },
  engine: { provider: 'cpu' },
  sampling: {},
  numGivenFrames: 1,
  framesPerSecond: 3,
  timings: { totalMs: 1 },
} as unknown as ClipReport;
const picture = { width: 640, height: 480 };
const calibrated = {
  ...NO_CAMERA_INFO,
  width: 1280,
  height: 960,
  k: Float64Array.of(900, 0, 640, 0, 900, 480, 0, 0, 1),
};
const messageWith = (cameraInfo: typeof calibrated) =>
  clipMessage(
    { frames: [frame], report, rank: 0, score: 0, confidence: [] },
    {
      header: NO_HEADER,
      planId: { uuid: new Uint8Array(16) },
      generatedAt: { sec: 0, nanosec: 0 },
      picture,
      cameraInfo,
      format: 'rgb8',
    },
  );

it('a calibration of pictures of another size is left out, with a warning', async () => {
  const { camera_info, warnings } = await messageWith(calibrated);
  expect(camera_info).toEqual(NO_CAMERA_INFO);
  expect(warnings).toEqual(['camera_info is of pictures of 1280x960, not 640x480: the clip has none']);
});

it.each([
  ['binned', { binning_x: 2, binning_y: 2 }],
  ['of a region', { roi: { ...NO_CAMERA_INFO.roi, x_offset: 10, width: 640, height: 480 } }],
])('a calibration that is %s fits its pictures', async (_, changes) => {
  const { camera_info, warnings } = await messageWith({ ...calibrated, ...changes });
  expect(camera_info.k[0]).toBeGreaterThan(0);
  expect(warnings).toEqual([]);
});
