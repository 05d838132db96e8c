// How many deadlines are kept, and with how many steps, as a table for docs/sdk.md. Deadlines take turns, so that
// whatever else the machine does hits all of them.
//
//   node bench/deadlines.mjs --model DIR [--deadlines 250,500,1000,2000] [--laps 50] [--steps 25] [--threads 2]
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { DeadlineExceededError } from '#planner/imagination/deadline.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { median, round } from './racing/lap.mjs';
import { picture } from './racing/picture.mjs';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'models/aid-mini' },
    deadlines: { type: 'string', default: '250,500,1000,2000' },
    laps: { type: 'string', default: '50' },
    steps: { type: 'string', default: '25' },
    threads: { type: 'string', default: '2' },
  },
});
const deadlines = options.deadlines.split(',').map(Number);
const [laps, threads] = [options.laps, options.threads].map(Number);
const settings = { numInferenceSteps: Number(options.steps) };

const planner = await VideoPlanner.load(options.model, { provider: 'cpu', threads });
const last = planner.video.numFrames - 1;

/** One clip from the camera's picture to its end: how long it took, its longest step, and how it ended. */
async function clip(deadlineMs, seed) {
  const request = {
    ...settings,
    frames: [picture(640, 480)],
    instruction: 'put the red cube on the blue plate',
    seed,
    previewFrames: [last],
    deadlineMs,
  };
  const started = performance.now();
  const told = [];
  let end;
  try {
    for await (const event of planner.imagine(request)) {
      if (event.kind === 'step') told.push(performance.now());
      if (event.kind === 'end') end = event;
    }
  } catch (error) {
    if (!DeadlineExceededError.isInstance(error)) throw error;
  }
  const ms = performance.now() - started;
  const stepMs = Math.max(0, ...told.slice(1).map((time, i) => time - told[i]));
  const gaveUp = end?.report.deadline?.gaveUp.map(({ what }) => what) ?? [];
  return {
    ms,
    stepMs,
    lateMs: Math.max(0, ms - deadlineMs),
    steps: told.length,
    hasEnd: end !== undefined,
    gaveUp,
  };
}

await planner.warmUp({ ...settings, previewFrames: [last] });
const clips = new Map(deadlines.map((deadlineMs) => [deadlineMs, []]));
for (let lap = 0; lap < laps; lap++)
  for (const deadlineMs of deadlines) clips.get(deadlineMs).push(await clip(deadlineMs, lap));
await planner.dispose();

const say = (line) => process.stdout.write(`${line}\n`);
const middle = (list, key) => median(list.map((each) => each[key]).sort((a, b) => a - b));
const share = (list, is) => `${round((100 * list.filter(is).length) / list.length, 0)} %`;
/** A clip of one step shows no time between two: then those of all clips stand for it. */
const stepOfAll = median(
  [...clips.values()]
    .flat()
    .flatMap(({ stepMs }) => (stepMs > 0 ? [stepMs] : []))
    .sort((a, b) => a - b),
);

say(
  `${cpus()[0]?.model ?? 'unknown'}, ${threads} threads, ${laps} clips of ${settings.numInferenceSteps} steps each.`,
);
say('');
const heads = [
  'deadline, ms',
  'in time',
  'a step late at most',
  'error by then',
  'later',
  'median, ms',
  'latest, ms late',
  'median steps',
  'guidance kept',
];
for (const cells of [heads, heads.map(() => '---')]) say(`| ${cells.join(' | ')} |`);
for (const [deadlineMs, list] of clips) {
  const isSoon = ({ lateMs, stepMs }) => lateMs <= Math.max(stepMs, stepOfAll ?? 0);
  const cells = [
    deadlineMs,
    share(list, ({ hasEnd, lateMs }) => hasEnd && lateMs === 0),
    share(list, (each) => each.hasEnd && each.lateMs > 0 && isSoon(each)),
    share(list, (each) => !each.hasEnd && isSoon(each)),
    share(list, (each) => !isSoon(each)),
    round(middle(list, 'ms'), 0),
    round(Math.max(...list.map(({ lateMs }) => lateMs)), 0),
    middle(list, 'steps'),
    share(list, ({ hasEnd, gaveUp }) => hasEnd && !gaveUp.some((what) => what.endsWith('Guidance'))),
  ];
  say(`| ${cells.join(' | ')} |`);
}
