// npm run demo: sets up what is missing, takes a picture with the simulated camera and a command, and imagines.
//
//   npm run demo                                        scene 10007 and the command of its episode
//   npm run demo -- --scene 10012                       another scene
//   npm run demo -- --scene 10012 --seed 5 "push ..."   another seed, another command
//   npm run demo -- --model DIR                         another model
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { project, run, SetUpError, say, setUpNode, setUpSim } from './set-up.mjs';

const DEFAULTS = { scene: '10007', seed: '1' };

/** `--scene N`, `--seed N`, `--model DIR` and, without a name, the command. */
function parse(args) {
  const options = { ...DEFAULTS };
  for (let i = 0; i < args.length; i++) {
    const name = /^--(scene|seed|model)$/.exec(args[i])?.[1];
    if (name === undefined) {
      if (args[i].startsWith('-')) throw new SetUpError(`unknown option ${args[i]}`);
      options.command = args[i];
      continue;
    }
    i += 1;
    const value = args[i] ?? '';
    if (name === 'model' ? value === '' : !/^\d{1,9}$/.test(value))
      throw new SetUpError(`--${name}: expected a ${name === 'model' ? 'folder' : 'number'}`);
    options[name] = value;
  }
  return options;
}

/** A camera frame of the scene, and the commands that can be carried out in it. */
function photograph(scene, folder) {
  const frame = join(folder, `scene-${scene}.png`);
  const program = join(project, 'sim', '.venv', 'bin', 'aid-sim');
  const { status, output } = run(program, ['frame', '--seed', scene, '--out', frame], { quiet: true });
  if (status !== 0) throw new SetUpError(`the simulator could not draw scene ${scene}: ${output.trim()}`);
  return { frame, commands: JSON.parse(output).commands };
}

function main() {
  const { scene, seed, model, command } = parse(process.argv.slice(2));
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
