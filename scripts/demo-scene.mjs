// What the two demos share: the words of their command lines, and a picture of a simulated scene.
import { join } from 'node:path';
import { project, run, SetUpError } from './set-up.mjs';

/** `--NAME N` for each default's name, `--model DIR` and, without a name, the command. */
export function parseDemo(args, defaults) {
  const options = { ...defaults };
  for (let i = 0; i < args.length; i++) {
    const name = /^--(.*)$/.exec(args[i])?.[1];
    if (name !== 'model' && !(name !== undefined && Object.hasOwn(defaults, name))) {
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
