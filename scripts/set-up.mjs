// Sets up what is missing, says so in a line each, and does nothing when all is there. Plain node, no packages:
// it is what installs them.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const project = dirname(dirname(fileURLToPath(import.meta.url)));
const inProject = (...names) => join(project, ...names);

/** Something that the person has to do. */
export class SetUpError extends Error {}

export const say = (line) => process.stdout.write(`${line}\n`);

/** Runs a program from the project's root: its exit status, 1 when it cannot be started, and what it said if quiet. */
export function run(program, args, { quiet = false, env = {} } = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: project,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
  });
  return { status: status ?? 1, stdout: stdout ?? '', stderr: `${stderr ?? ''}${error?.message ?? ''}` };
}

/** Whether a version such as "20.20.2" is in a range such as "^20.20.2 || >=24", which has nothing but these signs. */
export function isNodeIn(range, version) {
  const numbersOf = (text) => text.split('.').map(Number);
  const [major, ...lower] = numbersOf(version);
  return range.split('||').some((part) => {
    const [, sign, least] = /^(\^|>=) ?(\d+(?:\.\d+){0,2})$/.exec(part.trim()) ?? [];
    if (sign === undefined) throw new Error(`engines: expected ^ or >= and a version, got ${part}`);
    const [leastMajor, ...leastLower] = numbersOf(least);
    if (major !== leastMajor) return sign === '>=' && major > leastMajor;
    const [minor, patch] = lower;
    const [leastMinor = 0, leastPatch = 0] = leastLower;
    return minor > leastMinor || (minor === leastMinor && patch >= leastPatch);
  });
}

/** Node, the npm packages of the lock file, and the compiled sources. */
export function setUpNode() {
  const { engines } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));
  if (!isNodeIn(engines.node, process.versions.node))
    throw new SetUpError(`node ${process.versions.node} does not do: install one of ${engines.node}`);
  if (!arePackagesCurrent()) step('node packages (npm ci), a minute or two', 'npm', ['ci']);
  if (!isBuildCurrent()) build();
}

/** Compiles src/ into dist/. */
export function build() {
  step('compiling (npm run build)', 'npm', ['run', '--silent', 'build']);
}

/** The simulator, in a Python environment of its own. */
export function setUpSim() {
  if (run('bash', ['sim/setup.sh']).status !== 0)
    throw new SetUpError('the simulator could not be set up; the line above says what is missing');
}

function step(what, program, args) {
  say(`setting up: ${what}`);
  const started = Date.now();
  const { status, stdout, stderr } = run(program, args, { quiet: true });
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}\n`);
    throw new SetUpError(`setting up failed: ${what}`);
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  if (seconds > 5) say(`            ${seconds} s`);
}

/** Whether node_modules holds what package-lock.json says. */
export function arePackagesCurrent() {
  const file = inProject('node_modules', '.package-lock.json');
  if (!existsSync(file)) return false;
  const packagesOf = (path) => JSON.parse(readFileSync(path, 'utf8')).packages;
  const installed = packagesOf(file);
  return Object.entries(packagesOf(inProject('package-lock.json'))).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found !== undefined) return found.version === wanted.version;
    // What is made for another kind of machine is left out. rclnodejs is made for every one: it is missing where an
    // older node installed the packages, and so may be others.
    return wanted.optional === true && path !== 'node_modules/rclnodejs';
  });
}

function isBuildCurrent() {
  const stamp = inProject('dist', '.tsbuildinfo');
  if (!existsSync(stamp)) return false;
  const { mtimeMs } = statSync(stamp);
  const sources = readdirSync(inProject('src'), { recursive: true }).map((name) => inProject('src', name));
  const others = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) => inProject(name));
  return [...sources, ...others].every((path) => statSync(path).mtimeMs <= mtimeMs);
}
