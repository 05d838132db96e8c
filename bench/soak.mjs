// Many clips in one process: whether memory stays flat. Every fifth clip is cancelled on its way. With --vary, every
// fourth has another number of frames, so that graphs come and go.
//
//   node --expose-gc bench/soak.mjs --model DIR [--clips 100] [--steps 2] [--vary]
import { parseArgs } from 'node:util';
import { VideoPlanner } from '#planner/video-planner.js';
import { picture } from './racing/picture.mjs';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    clips: { type: 'string', default: '100' },
    steps: { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
    vary: { type: 'boolean', default: false },
  },
});
if (values.model === undefined) throw new Error('--model DIR: expected a model folder');

const planner = await VideoPlanner.load(values.model, { provider: 'cpu', threads: Number(values.threads) });
const { numFrames } = planner.video;
const frames = [picture(640, 480)];
const instruction = 'put the red cube on the blue plate';
const megabytes = (bytes) => Math.round(bytes / 1e5) / 10;
const history = [];

for (let clip = 1; clip <= Number(values.clips); clip++) {
  const controller = new AbortController();
  const request = {
    frames,
    instruction,
    seed: clip,
    numInferenceSteps: Number(values.steps),
    numFrames: values.vary && clip % 4 === 0 ? 1 + (clip % numFrames) : numFrames,
    abortSignal: controller.signal,
  };
  try {
    for await (const { kind } of planner.imagine(request))
      if (clip % 5 === 0 && kind === 'step') controller.abort();
  } catch (error) {
    if (error.code !== 'aborted') throw error;
  }
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  history.push(rss);
  const sizes = { rss_mb: megabytes(rss), heap_mb: megabytes(heapUsed), arrays_mb: megabytes(arrayBuffers) };
  if (clip <= 5 || clip % 10 === 0) process.stdout.write(`${JSON.stringify({ clip, ...sizes })}\n`);
}
await planner.dispose();

const most = (sizes) => megabytes(Math.max(...sizes));
const quarter = Math.floor(history.length / 4);
const [second, last] = [history.slice(quarter, 2 * quarter), history.slice(-quarter)];
process.stdout.write(
  `${JSON.stringify({ clips: history.length, peak_rss_mb: most(history), second_quarter_mb: most(second), last_quarter_mb: most(last) })}\n`,
);
