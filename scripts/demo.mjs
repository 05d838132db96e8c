// npm run demo: sets up what is missing, takes a picture with the simulated camera and a command, and imagines.
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { commandFor, folderOf, parseDemo, photograph, usageOf } from './demo-scene.mjs';
import { project, run, SetUpError, say, setUpNode, setUpSim } from './set-up.mjs';

const DEFAULTS = { scene: '10007', seed: '1' };

const USAGE = usageOf('demo', [
  ['', `scene ${DEFAULTS.scene} and the command of its episode`],
  ['--scene 10012', 'another scene'],
  ['--scene 10012 --seed 5 "push ..."', 'another seed, another command'],
  ['--model DIR', 'another model'],
]);

async function main() {
  const { help, scene, seed, model, command } = parseDemo(process.argv.slice(2), DEFAULTS);
  if (help) {
    say(USAGE);
    return 0;
  }
  setUpNode();
  setUpSim();
  const folder = join(project, 'out', 'demo');
  mkdirSync(folder, { recursive: true });
  const { frame, commands } = photograph(scene, folder);
  const asked = commandFor(command, commands, scene);
  const clip = await folderOf(folder, scene, asked, seed);
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
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof SetUpError)) throw error;
  process.stderr.write(`demo: ${error.message}\n`);
  process.exitCode = 1;
}
