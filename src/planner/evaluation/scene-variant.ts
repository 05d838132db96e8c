/** Another table than the default one: a variant file of `sim/`. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AidError } from '../errors.js';
import { errorOfSim, SIM_FOLDER, simProgram } from './scene-maker.js';

export interface SceneVariant {
  /** TOML or JSON. */
  readonly file: string;
  /** Twelve digits of the SHA-256 of its content. */
  readonly digest: string;
}

/** Lets the simulator check the file, without drawing anything. Errors: `invalid-argument`, `invalid-data`. */
export async function readVariant(file: string, simFolder: string = SIM_FOLDER): Promise<SceneVariant> {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what = missing ? 'no such file' : `cannot be read: ${(cause as Error).message}`;
    throw new AidError('invalid-argument', `variant: ${file}: ${what}`, { cause });
  }
  const refusal = await refusalOf(file, simProgram(simFolder));
  if (refusal !== undefined) throw new AidError('invalid-argument', refusal);
  return { file, digest: createHash('sha256').update(content).digest('hex').slice(0, 12) };
}

/** What the simulator has against the file. Its list of words needs the whole of it and takes no time. */
function refusalOf(file: string, program: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, ['vocabulary', '--variant', file], (error, _, stderr) => {
      resolve(error === null ? undefined : (errorOfSim(stderr) ?? `variant: ${file}: ${error.message}`));
    });
  });
}
