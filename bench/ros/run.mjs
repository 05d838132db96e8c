// What ROS costs: latencies of the node, measured from a rclpy process on the same machine.
//
//   node bench/ros/run.mjs --model DIR [--clips 30]   latencies, message sizes, parameter requests, as a table; exit
//                                                     status 1 when of the parameter requests while a clip is
//                                                     imagined more than 1 % take longer than 50 ms
//   node bench/ros/run.mjs --model DIR --soak 30      memory of the node over 30 minutes of clips; exit status 1 when,
//                                                     without the first tenth, the last third of the time has more
//                                                     than 10 % over the first third
//   --size 1280x720                                   of the camera's picture; 640x480 unless said otherwise
//   --threads 2, --format png                         the node's parameters threads and clip_format
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
    size: { type: 'string', default: '640x480' },
  },
});
if (values.model === undefined) throw new Error('--model DIR is missing');
const [, width, height] = /^(\d+)x(\d+)$/.exec(values.size) ?? [];
if (height === undefined) throw new Error(`--size: expected WIDTHxHEIGHT, got ${values.size}`);

/** Parameter requests while a clip is imagined, seconds at p99. */
const BUSY_LIMIT = 0.05;
/** Fewer say nothing about growth. */
const SOAK_SAMPLES = 20;

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
const kindOfRun = values.soak === undefined ? ['latency', values.clips] : ['soak', values.soak];
const args = [...kindOfRun, width, height];
const peer = spawn(python, [join(import.meta.dirname, 'peer.py'), ...args], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const peerEnded = new Promise((resolve) => peer.once('exit', (code) => resolve(code ?? 1)));
const fail = (reason) => {
  say(`failed: ${reason}`);
  process.exitCode = 1;
};
const memory = [];
let isMeasured = false;
for await (const line of createInterface({ input: peer.stdout })) {
  const { kind, ...data } = JSON.parse(line);
  if (kind === 'latency') {
    isMeasured = true;
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
    const busy = quantile(data.busy, 0.99);
    say(`parameter request while imagining: p99 ${ms(busy)} of ${data.busy.length}`);
    if (!(busy <= BUSY_LIMIT))
      fail(`parameter requests while imagining took more than ${ms(BUSY_LIMIT)} at p99`);
    say(`share that ROS adds: ${((100 * quantile(added, 0.5)) / quantile(data.planning, 0.5)).toFixed(1)} %`);
    say(`a clip's message: ${data.bytes} bytes; a preview's: ${data.previewBytes} bytes`);
    say(`storm of 1000 commands in a second: last clip after ${ms(data.storm)}`);
    say(`resident memory of the node: ${residentMb().toFixed(0)} MB`);
  } else if (kind === 'soak') {
    memory.push(residentMb());
    say(`${data.minutes.toFixed(1)} min, ${data.clips} clips, ${memory.at(-1).toFixed(0)} MB`);
  }
}
const peerStatus = await peerEnded;
node.kill('SIGTERM');
if (peerStatus !== 0) fail(`the measuring side ended with status ${peerStatus}`);
if (values.soak === undefined) {
  if (!isMeasured) fail('nothing was measured');
} else if (memory.length < SOAK_SAMPLES) {
  fail(`expected at least ${SOAK_SAMPLES} samples of the memory, got ${memory.length}`);
} else {
  const settled = memory.slice(Math.ceil(memory.length / 10));
  const third = Math.ceil(settled.length / 3);
  const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
  const growth = mean(settled.slice(-third)) / mean(settled.slice(0, third)) - 1;
  say(`growth from the first to the last third: ${(100 * growth).toFixed(1)} %`);
  if (!(growth <= 0.1)) fail('the memory grew by more than 10 %');
}
