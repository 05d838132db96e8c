// npm run demo:ros: the node, the simulator's camera and a planner as three processes of ROS 2. A command is sent by
// topic, the clip comes back over DDS and is written into an MCAP bag and an animated picture.
//
//   npm run demo:ros                                        scene 10007 and the command of its episode
//   npm run demo:ros -- --scene 10012 "push ..."            another scene, another command
//   npm run demo:ros -- --model DIR                         another model
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseDemo, photograph } from './demo-scene.mjs';
import { originOfRos, workspace } from './ros/ros.mjs';
import { project, SetUpError, say, setUpNode, setUpSim } from './set-up.mjs';
import { setUpRos } from './set-up-ros.mjs';

/** Ends with this process, whatever happens. */
function start(name, args, env) {
  const program = join(workspace(originOfRos()), 'install', 'lib', 'aid_bringup', name);
  const child = spawn(program, ['--ros-args', ...args.flatMap(([flag, value]) => [flag, value])], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.once('exit', () => child.kill('SIGTERM'));
  child.once('exit', (code) => {
    if (code) process.exitCode = 1;
  });
  return child;
}

function main() {
  const { scene, model, command } = parseDemo(process.argv.slice(2), { scene: '10007' });
  setUpNode();
  setUpSim();
  const ros = setUpRos();
  const folder = join(project, 'out', 'demo-ros', `scene-${scene}`);
  mkdirSync(folder, { recursive: true });
  const { frame, commands } = photograph(scene, folder, ['--size', '640x480']);
  const asked = command ?? (commands.find(({ commanded }) => commanded) ?? commands[0]).instruction;
  say(`the camera sees   ${relative(process.cwd(), frame)}`);
  say(`the command       ${asked}`);
  // A domain of its own, so that no robot in the same network takes part.
  const env = {
    ...process.env,
    ...ros,
    ROS_DOMAIN_ID: process.env.ROS_DOMAIN_ID ?? '87',
    ROS_AUTOMATIC_DISCOVERY_RANGE: 'LOCALHOST',
  };
  const namespace = ['-r', '__ns:=/camera'];
  const children = [
    start('picture_camera', [namespace, ['-p', `file:=${frame}`]], env),
    start(
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
  const { status } = spawnSync(process.execPath, [ask, '/camera/image/compressed', asked, folder], {
    env: { ...env, ...preload },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  for (const child of children) child.kill('SIGTERM');
  process.exitCode = status ?? 1;
  if (status !== 0) return;
  const shown = relative(process.cwd(), folder);
  say(`  ${shown}/clip.webp to look at, ${shown}/clip.mcap for Foxglove, ros2 bag and aid play`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof SetUpError)) throw error;
  process.stderr.write(`demo: ${error.message}\n`);
  process.exitCode = 1;
}
