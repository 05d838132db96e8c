// What the two demos share: the words of their command lines, a picture of a simulated scene, and where results go.
import { join } from 'node:path';
import { project, run, SetUpError } from './set-up.mjs';

/** Longer than any command of the simulator's, so that each has a folder of its own. */
const LONGEST_NAME = 100;

/**
 * `--NAME N` for each default's name, `--model DIR`, `--help` and, without a name, the command: one argument, or its
 * words. Errors: SetUpError.
 */
export function parseDemo(args, defaults) {
  const options = { ...defaults };
  const words = [];
  for (let i = 0; i < args.length; i++) {
    const name = /^--(.*)$/.exec(args[i])?.[1];
    if (name === 'help' || args[i] === '-h') {
      options.help = true;
      continue;
    }
    if (name !== 'model' && !(name !== undefined && Object.hasOwn(defaults, name))) {
      if (args[i].startsWith('-')) throw new SetUpError(`unknown option ${args[i]}; --help tells them`);
      words.push(args[i]);
      continue;
    }
    i += 1;
    const value = args[i] ?? '';
    if (name === 'model' ? value === '' : !/^\d{1,9}$/.test(value))
      throw new SetUpError(`--${name}: expected a ${name === 'model' ? 'folder' : 'number'}`);
    options[name] = value;
  }
  if (words.length > 0) options.command = words.join(' ');
  return options;
}

/** What `--help` prints. `lines` are pairs of arguments and what they do. */
export function usageOf(script, lines) {
  const width = Math.max(...lines.map(([args]) => args.length));
  const start = `npm run ${script}`;
  return lines
    .map(([args, what]) => `  ${start}${args === '' ? '   ' : ' --'} ${args.padEnd(width)}   ${what}`)
    .join('\n');
}

/** The command that was given, or the one of the scene's episode. Errors: SetUpError. */
export function commandFor(given, commands, scene) {
  if (given !== undefined) return given;
  const { instruction } = commands.find(({ commanded }) => commanded) ?? {};
  if (instruction === undefined)
    throw new SetUpError(`nothing can be done in scene ${scene}: another --scene, or a command of yours`);
  return instruction;
}

/** Folder of a command's results below another one. Call it when the sources are compiled. */
export async function folderOf(parent, scene, command, seed) {
  const { slug } = await import('../dist/cli/slug.js');
  const name = `scene-${scene}-${slug(command, LONGEST_NAME)}`;
  return join(parent, seed === undefined ? name : `${name}-seed-${seed}`);
}

/** What the scene's camera sees, and the commands that can be carried out there. */
export function photograph(scene, folder, options = []) {
  const frame = join(folder, `scene-${scene}.png`);
  const program = join(project, 'sim', '.venv', 'bin', 'aid-sim');
  const args = ['frame', '--seed', scene, ...options, '--out', frame];
  const { status, stdout, stderr } = run(program, args, { quiet: true });
  if (status !== 0) throw new SetUpError(`the simulator could not draw scene ${scene}: ${stderr.trim()}`);
  try {
    return { frame, commands: JSON.parse(stdout).commands };
  } catch {
    const said = stdout.trim().split('\n', 1)[0].slice(0, 200);
    throw new SetUpError(
      `the simulator drew scene ${scene}, but did not say its commands in JSON: "${said}"`,
    );
  }
}
