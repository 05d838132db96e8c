// What ROS costs: latencies of the node, measured from a rclpy process on the same machine.
//
//   node bench/ros/run.mjs --model DIR [--clips 30]           latencies, message sizes, parameter requests, as a table
//   node bench/ros/run.mjs --model DIR --soak 30              memory of the node over 30 minutes of clips; exit status
//                                                             1 when it grows by more than 10 % after the first tenth
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { originOfRos, workspace } from '../../scripts/ros/ros.mjs';
import { setUpRos } from '../../scripts/set-up-ros.mjs';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    clips: { type: 'string', default: '30' },
    soak: { type: 'string' },
    threads: { type: 'string', default: '0' },
    format: { type: 'string', default: 'rgb8' },
  },
});
if (values.model === undefined) throw new Error('--model DIR is missing');

const say = (line) => process.stdout.write(`${line}\n`);
const env = {
  ...process.env,
  ...setUpRos(),
  ROS_DOMAIN_ID: '88',
  ROS_AUTOMATIC_DISCOVERY_RANGE: 'LOCALHOST',
};
const program = join(workspace(originOfRos()), 'install', 'lib', 'aid_bringup', 'planner_node');
const parameters = {
  model: resolve(values.model),
  autostart: true,
  threads: values.threads,
  clip_format: values.format,
  result_timeout: 10,
};
const node = spawn(
  program,
  ['--ros-args', ...Object.entries(parameters).flatMap(([name, value]) => ['-p', `${name}:=${value}`])],
  { env, stdio: ['ignore', 'inherit', 'inherit'] },
);
process.once('exit', () => node.kill('SIGTERM'));

const residentMb = () => {
  const [, kb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1024;
};
const quantile = (list, share) =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(share * list.length))];
const ms = (seconds) => `${(seconds * 1000).toFixed(1)} ms`;

const python = spawnSync('which', ['python'], { env }).status === 0 ? 'python' : 'python3';
const args = values.soak === undefined ? ['latency', values.clips] : ['soak', values.soak];
const peer = spawn(python, [join(import.meta.dirname, 'peer.py'), ...args], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const memory = [];
for await (const line of createInterface({ input: peer.stdout })) {
  const { kind, ...data } = JSON.parse(line);
  if (kind === 'latency') {
    const row = (name, list) =>
      say(
        `| ${name} | ${ms(quantile(list, 0.5))} | ${ms(quantile(list, 0.95))} | ${ms(Math.max(...list))} |`,
      );
    const added = data.clip.map((total, i) => total - data.planning[i]);
    say('| | p50 | p95 | max |\n|---|---|---|---|');
    row('command to first preview', data.preview);
    row('command to clip', data.clip);
    row("the planner's own time", data.planning);
    row('what ROS adds', added);
    row('goal to result', data.result);
    row('parameter request, idle', data.idle);
    row('parameter request while imagining', data.busy);
    say(`parameter request while imagining: p99 ${ms(quantile(data.busy, 0.99))} of ${data.busy.length}`);
    say(`share that ROS adds: ${((100 * quantile(added, 0.5)) / quantile(data.planning, 0.5)).toFixed(1)} %`);
    say(`a clip's message: ${data.bytes} bytes; a preview's: ${data.previewBytes} bytes`);
    say(`storm of 1000 commands in a second: last clip after ${ms(data.storm)}`);
    say(`resident memory of the node: ${residentMb().toFixed(0)} MB`);
  } else if (kind === 'soak') {
    memory.push(residentMb());
    say(`${data.minutes.toFixed(1)} min, ${data.clips} clips, ${memory.at(-1).toFixed(0)} MB`);
  }
}
node.kill('SIGTERM');
if (memory.length > 10) {
  const settled = memory.slice(Math.ceil(memory.length / 10));
  const third = Math.ceil(settled.length / 3);
  const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
  const growth = mean(settled.slice(-third)) / mean(settled.slice(0, third)) - 1;
  say(`growth from the first to the last third: ${(100 * growth).toFixed(1)} %`);
  if (growth > 0.1) process.exitCode = 1;
}
