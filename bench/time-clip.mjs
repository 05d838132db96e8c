// Times a whole clip as a caller sees it: from the camera's picture and the words to the frames. Beside the time, the
// longest that the caller's thread was blocked.
//
//   node bench/time-clip.mjs --model DIR [--steps N] [--frames F] [--preset NAME] [--repeat N]
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { VideoPlanner } from '#planner/video-planner.js';
import { race, raceArguments, round } from './racing/lap.mjs';
import { picture } from './racing/picture.mjs';

const RESOLUTION_MS = 1;

const options = raceArguments({ steps: undefined, frames: undefined, preset: undefined, camera: '640x480' });

await race(options, async () => {
  const planner = await VideoPlanner.load(options.model, { provider: 'cpu', threads: options.threads });
  const [width, height] = options.camera.split('x').map(Number);
  const request = {
    frames: [picture(width, height)],
    instruction: 'put the red cube on the blue plate',
    seed: 1,
    ...(options.steps === undefined ? {} : { numInferenceSteps: options.steps }),
    ...(options.frames === undefined ? {} : { numFrames: options.frames }),
    ...(options.preset === undefined ? {} : { preset: options.preset }),
  };
  const lap = async () => {
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delay.enable();
    let end;
    for await (const event of planner.imagine(request)) if (event.kind === 'end') end = event;
    delay.disable();
    const { observeMs, conditionMs, denoiseMs, decodeMs } = end.report.timings;
    const phases = {
      observe_ms: observeMs,
      condition_ms: conditionMs,
      denoise_ms: denoiseMs,
      decode_ms: decodeMs,
    };
    return {
      // The histogram counts from one tick of its timer to the next.
      stall_ms: round(Math.max(0, delay.max / 1e6 - RESOLUTION_MS)),
      ...Object.fromEntries(Object.entries(phases).map(([name, ms]) => [name, round(ms)])),
    };
  };
  const { numFrames } = planner.video;
  const facts = { race: 'clip', frames: options.frames ?? numFrames, engine: planner.engine };
  return { lap, facts, end: () => planner.dispose() };
});
