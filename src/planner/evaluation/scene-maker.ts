/** Runs the tabletop of `sim/`, which makes scenes with the true outcome of every command possible in them. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AidError, throwIfAborted } from '../errors.js';

/** The repository's `sim/`. The npm package has none. */
export const SIM_FOLDER = fileURLToPath(new URL('../../../sim', import.meta.url));

/** Seeds `from`, `from + 1`, ... up to but without `to`. */
export interface SeedRange {
  readonly from: number;
  readonly to: number;
}

export interface MakeScenesOptions {
  readonly seeds: SeedRange;
  /** Where the scenes go; what is there already is kept. */
  readonly folder: string;
  /** Pixels. */
  readonly size: { readonly width: number; readonly height: number };
  /** Processes. */
  readonly workers: number;
  /** Variant file of another table than the default one. */
  readonly variant?: string | undefined;
  readonly simFolder?: string;
  readonly abortSignal?: AbortSignal | undefined;
}

export interface SimulatedEvent {
  readonly kind: 'simulated';
  /** Scenes of those that were not there yet. */
  readonly done: number;
  readonly total: number;
}

/** tqdm's `3/128`. */
const COUNT = /(\d+)\/(\d+)/;
const ERROR_LINE = /^aid-sim: error: (.*)$/;

/** The simulator's program. Errors: `invalid-data` when it is not set up. */
export function simProgram(simFolder: string): string {
  const program = join(simFolder, '.venv', 'bin', 'aid-sim');
  if (!existsSync(program)) {
    throw new AidError(
      'invalid-data',
      `${program}: not there, and the truth of a scene is made with it: run sim/setup.sh in the repository`,
    );
  }
  return program;
}

/** What the simulator says went wrong, the last line of its standard error. */
export function errorOfSim(stderr: string): string | undefined {
  return ERROR_LINE.exec(stderr.trimEnd().split('\n').at(-1) ?? '')?.[1];
}

/**
 * Makes the scenes that are not in the folder yet. Aborting, or leaving the iteration, stops the simulator; what
 * it finished stays. Errors: `invalid-data` when it is not set up or fails, `aborted`.
 */
export async function* makeScenes(
  options: MakeScenesOptions,
): AsyncGenerator<SimulatedEvent, void, undefined> {
  const { seeds, folder, size, workers, variant, simFolder = SIM_FOLDER, abortSignal } = options;
  const program = simProgram(simFolder);
  throwIfAborted(abortSignal);
  const child = spawn(
    program,
    [
      'outcomes',
      ...['--seeds', `${seeds.from}:${seeds.to}`, '--out', folder, '--frames', 'last', '--resume'],
      ...['--size', `${size.width}x${size.height}`, '--workers', String(workers)],
      ...(variant === undefined ? [] : ['--variant', variant]),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<number | Error>((resolve) => {
    child.once('error', resolve);
    child.once('close', (status) => resolve(status ?? -1));
  });
  const stop = (): boolean => child.kill('SIGTERM');
  abortSignal?.addEventListener('abort', stop);
  let lastLine = '';
  try {
    let rest = '';
    for await (const chunk of child.stderr.setEncoding('utf8')) {
      const lines = `${rest}${chunk}`.split(/[\r\n]+/);
      rest = lines.pop() ?? '';
      for (const line of lines.filter((each) => each.trim() !== '')) {
        lastLine = line;
        const count = COUNT.exec(line);
        if (count !== null && !ERROR_LINE.test(line))
          yield { kind: 'simulated', done: Number(count[1]), total: Number(count[2]) };
      }
    }
    if (rest.trim() !== '') lastLine = rest;
    const status = await ended;
    throwIfAborted(abortSignal);
    if (status !== 0) {
      const reason =
        status instanceof Error ? status.message : (errorOfSim(lastLine) ?? `${lastLine} (${status})`);
      throw new AidError('invalid-data', `the scenes could not be made: ${reason}`);
    }
  } finally {
    abortSignal?.removeEventListener('abort', stop);
    stop();
    await ended;
  }
}

/**
 * What the scenes follow from besides their seeds: twelve digits of the SHA-256 of the simulator's sources and
 * pinned packages. Errors: `invalid-data`.
 */
export function simFingerprint(simFolder: string = SIM_FOLDER): string {
  const sources = join(simFolder, 'src', 'aid_sim');
  const hash = createHash('sha256');
  try {
    const names = readdirSync(sources).filter((name) => /\.(py|toml)$/.test(name));
    const files = [...names.sort().map((name) => join(sources, name)), join(simFolder, 'requirements.txt')];
    for (const file of files) hash.update(readFileSync(file)).update('\0');
  } catch (cause) {
    throw new AidError(
      'invalid-data',
      `${simFolder}: not there, and the truth of a scene is made with it: evaluate in the repository`,
      { cause },
    );
  }
  return hash.digest('hex').slice(0, 12);
}
