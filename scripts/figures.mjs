// Makes the pictures in docs/images with a model: one frame and every command possible in it, a long video of three clips,
// and the README's animation.
//
//   npm run build && node scripts/figures.mjs [--model DIR] [--out docs/images] [--seed N]
//                                             [--manipulation SCENE] [--rollout SCENE] [--demo SCENE]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { AidError, VideoPlanner } from 'aid-planner';
import { photograph } from './demo-scene.mjs';
import { besideEachOther } from './figures/animation.mjs';
import { checkFont } from './figures/caption.mjs';
import { apart, oneOfEachKind } from './figures/choose-commands.mjs';
import { filmstrips } from './figures/filmstrips.mjs';
import { project, SetUpError, say } from './set-up.mjs';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(project, 'models', 'aid-mini') },
    out: { type: 'string', default: join(project, 'docs', 'images') },
    seed: { type: 'string', default: '1' },
    // Scenes of the simulator that no training episode is of, chosen for what stands in them, not for how they turn out.
    manipulation: { type: 'string', default: '10009' },
    rollout: { type: 'string', default: '10019' },
    demo: { type: 'string', default: '10014' },
  },
});
const seed = Number(/^\d+$/.test(options.seed) ? options.seed : Number.NaN);
const COLUMNS = 6;
const CLIPS = 3;

async function lastOf(events) {
  let last;
  for await (const event of events) last = event;
  return last;
}

/** One frame, and what each of the commands makes of it. */
async function imagineEach(planner, frame, instructions) {
  const frames = await planner.observe([frame]);
  const clips = [];
  for (const instruction of instructions) {
    const end = await lastOf(planner.imagine({ frames, instruction, seed }));
    clips.push({ caption: instruction, frames: end.frames });
    say(`  ${instruction}`);
  }
  return clips;
}

/** A clip for each command, each from where the one before ends. */
async function rollOut(planner, frame, instruction) {
  const { frames } = await lastOf(
    planner.rollout({ frames: [frame], instruction, numClips: CLIPS, overlapFrames: 1, seed }),
  );
  const shown = planner.video.numFrames;
  return instruction.map((caption, clip) => {
    say(`  ${caption}`);
    const first = clip * (shown - 1);
    return { caption: `${clip + 1}. ${caption}`, frames: frames.slice(first, first + shown) };
  });
}

async function figures(planner, scratch) {
  const { width, height, framesPerSecond } = planner.video;
  const sceneOf = (scene) => photograph(scene, scratch, ['--size', `${width}x${height}`]);
  const save = (name, picture) => {
    const file = join(options.out, name);
    writeFileSync(file, picture);
    say(`${relative(process.cwd(), file)}   ${Math.ceil(picture.length / 1000)} kB`);
  };
  const texts = (commands) => commands.map(({ instruction }) => instruction);

  say(`every command of scene ${options.manipulation}`);
  const { frame, commands } = sceneOf(options.manipulation);
  const clips = await imagineEach(planner, frame, texts(commands));
  save('manipulation.webp', await filmstrips(clips, { columns: COLUMNS }));

  say(`${CLIPS} clips one after the other, scene ${options.rollout}`);
  const long = sceneOf(options.rollout);
  const video = await rollOut(planner, long.frame, texts(apart(long.commands, CLIPS)));
  save('rollout.webp', await filmstrips(video, { columns: COLUMNS }));

  say(`${CLIPS} futures of scene ${options.demo}`);
  const demo = sceneOf(options.demo);
  const futures = await imagineEach(planner, demo.frame, texts(oneOfEachKind(demo.commands, CLIPS)));
  save('demo.webp', await besideEachOther(futures, { framesPerSecond }));
}

async function main() {
  if (!Number.isSafeInteger(seed))
    throw new SetUpError(`--seed: expected a whole number from 0 to 2^53 - 1, got ${options.seed}`);
  await checkFont();
  mkdirSync(options.out, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), 'aid-figures-'));
  const planner = await VideoPlanner.load(options.model);
  try {
    say(`${relative(process.cwd(), options.model)}, SHA-256 ${planner.sha256.slice(0, 12)}, seed ${seed}`);
    await figures(planner, scratch);
  } finally {
    await planner.dispose();
    rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetUpError || AidError.isInstance(error))) throw error;
  process.stderr.write(`figures: ${error.message}\n`);
  process.exitCode = 1;
}
