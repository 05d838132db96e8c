// npm run demo: sets up what is missing, takes a picture with the simulated camera and a command, and imagines.
//
//   npm run demo                                        scene 10007 and the command of its episode
//   npm run demo -- --scene 10012                       another scene
//   npm run demo -- --scene 10012 --seed 5 "push ..."   another seed, another command
//   npm run demo -- --model DIR                         another model
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseDemo, photograph } from './demo-scene.mjs';
import { project, run, SetUpError, say, setUpNode, setUpSim } from './set-up.mjs';

const DEFAULTS = { scene: '10007', seed: '1' };

function main() {
  const { scene, seed, model, command } = parseDemo(process.argv.slice(2), DEFAULTS);
  setUpNode();
  setUpSim();
  const folder = join(project, 'out', 'demo');
  mkdirSync(folder, { recursive: true });
  const { frame, commands } = photograph(scene, folder);
  const asked = command ?? (commands.find(({ commanded }) => commanded) ?? commands[0]).instruction;
  const clip = join(folder, `scene-${scene}-seed-${seed}`);
  say(`the camera sees   ${relative(process.cwd(), frame)}`);
  say(`the command       ${asked}`);
  const args = ['dist/cli/main.js', 'imagine', frame, asked, '--seed', seed, '--out', clip, '--force'];
  if (model !== undefined) args.push('--model', model);
  const { status } = run(process.execPath, args);
  if (status !== 0) return status;
  const others = commands
    .map(({ instruction }) => instruction)
    .filter((instruction) => instruction !== asked);
  say('');
  say(
    `Open ${relative(process.cwd(), join(clip, 'clip.webp'))} in a browser. What else could be done in this scene:`,
  );
  for (const other of others) say(`  npm run demo -- --scene ${scene} "${other}"`);
  return 0;
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof SetUpError)) throw error;
  process.stderr.write(`demo: ${error.message}\n`);
  process.exitCode = 1;
}
