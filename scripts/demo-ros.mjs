// npm run demo:ros: the node, the simulator's camera and a planner as three processes of ROS 2. A command is sent by
// topic, the clip comes back over DDS and is written into an MCAP bag and an animated picture.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { commandFor, folderOf, parseDemo, photograph, usageOf } from './demo-scene.mjs';
import { originOfRos, workspace } from './ros/ros.mjs';
import { project, SetUpError, say, setUpNode, setUpSim } from './set-up.mjs';
import { setUpRos } from './set-up-ros.mjs';

const INTERRUPTED = 130;
const DEFAULTS = { scene: '10007' };
const USAGE = usageOf('demo:ros', [
  ['', `scene ${DEFAULTS.scene} and the command of its episode`],
  ['--scene 10012 "push ..."', 'another scene, another command'],
  ['--model DIR', 'another model'],
]);

/** Processes that end with this one, whatever ends it but SIGKILL. */
const children = [];

/** A process, and a promise of its exit status. */
function start(program, args, env) {
  const child = spawn(program, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise((resolve) => {
    child.once('error', (error) => {
      process.stderr.write(`demo: ${program}: ${error.message}\n`);
      resolve(1);
    });
    child.once('exit', (code, signal) => resolve(signal === null ? code : 1));
  });
  children.push({ child, ended });
  return ended;
}

/** Starts an executable of aid_bringup; `args` are pairs of a flag and its value. */
function startNode(name, args, env) {
  const program = join(workspace(originOfRos()), 'install', 'lib', 'aid_bringup', name);
  return start(program, ['--ros-args', ...args.flat()], env);
}

/** In order, so that others in the graph forget them at once. */
async function endAll() {
  for (const { child } of children) child.kill('SIGTERM');
  await Promise.all(children.map(({ ended }) => ended));
}

async function main() {
  const { help, scene, model, command } = parseDemo(process.argv.slice(2), DEFAULTS);
  if (help) return say(USAGE);
  setUpNode();
  setUpSim();
  const ros = setUpRos();
  const pictures = join(project, 'out', 'demo-ros');
  mkdirSync(pictures, { recursive: true });
  const { frame, commands } = photograph(scene, pictures, ['--size', '640x480']);
  const asked = commandFor(command, commands, scene);
  const folder = await folderOf(pictures, scene, asked);
  say(`the camera sees   ${relative(process.cwd(), frame)}`);
  say(`the command       ${asked}`);
  // On this machine only and in a domain of its own unless one is set, so that no robot in the network takes part.
  const env = {
    ...process.env,
    ...ros,
    ROS_DOMAIN_ID: process.env.ROS_DOMAIN_ID ?? '87',
    ROS_AUTOMATIC_DISCOVERY_RANGE: 'LOCALHOST',
  };
  const interrupted = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => resolve(INTERRUPTED));
  });
  process.once('exit', () => {
    for (const { child } of children) child.kill('SIGTERM');
  });
  const servers = [
    startNode(
      'picture_camera',
      [
        ['-r', '__ns:=/camera'],
        ['-p', `file:=${frame}`],
      ],
      env,
    ),
    startNode(
      'planner_node',
      [
        ...(model === undefined ? [] : [['-p', `model:=${model}`]]),
        ['-p', 'autostart:=true'],
        ['-p', 'image_transport:=compressed'],
        ['-r', 'image/compressed:=/camera/image/compressed'],
      ],
      env,
    ),
  ];
  const preload = env.AID_ROS_NODE_PRELOAD === undefined ? {} : { LD_PRELOAD: env.AID_ROS_NODE_PRELOAD };
  const ask = join(project, 'scripts', 'ros', 'ask-planner.mjs');
  const asking = [ask, '/camera/image/compressed', asked, folder];
  const answered = start(process.execPath, asking, { ...env, ...preload });
  // Whoever should have gone on and ended is a failure, also when it says that all is well.
  const failed = servers.map((ended) => ended.then((status) => status || 1));
  const status = await Promise.race([answered, interrupted, ...failed]);
  await endAll();
  process.exitCode = status;
  if (status !== 0) return;
  const shown = relative(process.cwd(), folder);
  say(`  ${shown}/clip.webp to look at, ${shown}/clip.mcap for Foxglove, ros2 bag and aid play`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetUpError)) throw error;
  process.stderr.write(`demo: ${error.message}\n`);
  process.exitCode = 1;
}
