/**
 * A motion planner that asks for the future before it moves, in plain TypeScript: no RxJS, no ROS. It follows the
 * imagined clip as a list of sub-goals, in the time that it has.
 *
 *     npm run build && npm run examples
 *     node examples/build/planner.js FRAME "command" [DEADLINE_MS]
 *
 * Node 22.18 and newer also run examples/planner.ts as it is. The environment variable MODEL names another model folder.
 */
import { fileURLToPath } from 'node:url';
import { DeadlineExceededError, decodeFrame, type Frame, VideoPlanner } from 'aid-planner';

/** Where the picture changes most from one frame to the next: where the arm is at work, from 0 to 1 of the width. */
function whereItMoves(before: Frame, after: Frame): { x: number; y: number } {
  let [sum, x, y] = [0, 0, 0];
  for (let i = 0; i < after.data.length; i++) {
    const change = Math.abs((after.data[i] ?? 0) - (before.data[i] ?? 0)) ** 2;
    const pixel = Math.floor(i / 3);
    sum += change;
    x += change * (pixel % after.width);
    y += change * Math.floor(pixel / after.width);
  }
  return sum === 0 ? { x: 0.5, y: 0.5 } : { x: x / sum / after.width, y: y / sum / after.height };
}

const [file = '', instruction = '', deadline = '5000'] = process.argv.slice(2);
/** The one that comes with the package, wherever this is started. */
const shipped = fileURLToPath(new URL('models/aid-mini', import.meta.resolve('aid-planner/package.json')));
const planner = await VideoPlanner.load(process.env.MODEL ?? shipped);
try {
  // So that the first deadline finds the planner's own times measured.
  await planner.warmUp();
  const camera = await planner.observe([await decodeFrame(file)]);
  for await (const event of planner.imagine({
    frames: camera,
    instruction,
    seed: 1,
    deadlineMs: Number(deadline),
  })) {
    if (event.kind !== 'end') continue;
    const { deadline: kept, timings } = event.report;
    console.log(`imagined in ${timings.totalMs.toFixed(0)} ms of ${deadline}`);
    for (const { what, asked, given } of kept?.gaveUp ?? [])
      console.log(`gave up ${what}: ${given} instead of ${asked}`);
    for (let i = 1; i < event.frames.length; i++) {
      const { x, y } = whereItMoves(event.frames[i - 1] as Frame, event.frames[i] as Frame);
      console.log(`sub-goal ${i}: look at ${x.toFixed(2)}, ${y.toFixed(2)}`);
    }
  }
} catch (error) {
  if (!DeadlineExceededError.isInstance(error)) throw error;
  console.log(`no plan in time: ${error.message}`);
} finally {
  await planner.dispose();
}
