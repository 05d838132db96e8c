/**
 * An agent that thinks before it acts: imagines several commands from one camera frame and picks the one whose
 * imagined end comes nearest to a picture of the goal.
 *
 *     npm run build && npm run examples
 *     node examples/build/agent.js FRAME GOAL "command" "another command" ...
 *
 * Node 22.18 and newer also run examples/agent.ts as it is. The environment variable MODEL names another model folder.
 */
import { fileURLToPath } from 'node:url';
import { candidates, decodeFrame, endOnly, type Frame, type Rank, VideoPlanner } from 'aid-planner/sdk';
import { lastValueFrom, tap } from 'rxjs';

/** The one that comes with the package, wherever this is started. */
const shipped = fileURLToPath(new URL('models/aid-mini', import.meta.resolve('aid-planner/package.json')));

const [frame = '', goalFile = '', ...commands] = process.argv.slice(2);
const goal = await decodeFrame(goalFile);

/** Mean difference of two pictures, colours from 0 to 1; the goal is sampled where its size differs. */
function difference(imagined: Frame, wanted: Frame): number {
  let sum = 0;
  for (let y = 0; y < imagined.height; y++)
    for (let x = 0; x < imagined.width; x++) {
      const [gx, gy] = [x / imagined.width, y / imagined.height];
      const at = 3 * (Math.floor(gy * wanted.height) * wanted.width + Math.floor(gx * wanted.width));
      for (let c = 0; c < 3; c++)
        sum += Math.abs((imagined.data[3 * (y * imagined.width + x) + c] ?? 0) - (wanted.data[at + c] ?? 0));
    }
  return sum / imagined.data.length / 255;
}

const nearestToGoal: Rank = ({ frames }) => {
  const far = difference(frames.at(-1) as Frame, goal);
  return { score: -far, reason: `its last frame differs from the goal by ${(100 * far).toFixed(1)} %` };
};

const planner = await VideoPlanner.load(process.env.MODEL ?? shipped);
try {
  const { ranked, spreads } = await lastValueFrom(
    candidates(planner, { frames: [frame], instruction: commands, seeds: [1, 2], rank: nearestToGoal }).pipe(
      tap((event) => {
        if (event.kind === 'candidate-end')
          console.log(`imagined "${event.instruction}", seed ${event.seed}`);
      }),
      endOnly(),
    ),
  );
  const [best] = ranked;
  console.log(`do: ${best?.instruction}`);
  console.log(`because ${best?.reason}`);
  const spread = spreads.get(best?.instruction ?? '');
  console.log(`two seeds of it differ by ${(100 * (spread?.overall ?? 0)).toFixed(1)} %`);
} finally {
  await planner.dispose();
}
