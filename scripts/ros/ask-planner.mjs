// A planner's side of the demo: watches the camera, sends a command, receives the clip over DDS, and writes it into an
// MCAP bag and an animated picture. Ends at once where the node says that it cannot.
//
//   node ask-planner.mjs IMAGE_TOPIC "COMMAND" FOLDER
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeAnimatedWebp } from '../../dist/planner/index.js';
import { qos } from '../../dist/ros-node/quality-of-service.js';
import { ros } from '../../dist/ros-node/rclnodejs.js';
import { framesOfClip, writeClipBag } from '../../dist/sdk/messages/index.js';

const [topic, command, folder] = process.argv.slice(2);
const TIMEOUT_MS = 600_000;
const say = (line) => process.stdout.write(`${line}\n`);

/** Of the camera, among which is the one that the clip starts from. */
const KEPT_IMAGES = 1000;
/** diagnostic_msgs/msg/DiagnosticStatus */
const ERROR = 2;
const context = ros.Context.defaultContext();
await ros.init(context, process.argv.slice(2));
const node = new ros.LifecycleNode('demo_planner', '', context, {});
const nameOf = ({ sec, nanosec }) => `${sec}.${nanosec}`;

/** The clip of the command, and the camera's picture that it starts from. */
function imagined() {
  const images = new Map();
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no clip came within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS).unref();
    const best = { qos: qos(5, 'best-effort') };
    node.createSubscription('sensor_msgs/msg/CompressedImage', topic, best, (image) => {
      images.set(nameOf(image.header.stamp), image);
      const [oldest] = images.keys();
      if (images.size > KEPT_IMAGES) images.delete(oldest);
    });
    let sentMs;
    node.createSubscription('aid_msgs/msg/Clip', 'clip', { qos: qos(1, 'reliable') }, (clip) => {
      if (clip.instruction !== command) return;
      say(`the clip came over DDS ${Math.round(performance.now() - sentMs)} ms after the command was sent`);
      const image = images.get(nameOf(clip.header.stamp));
      if (image !== undefined) resolve({ clip, image });
      else reject(new Error('the camera image that the clip starts from was not received'));
    });
    node.createSubscription('aid_msgs/msg/CommandOutcome', 'outcomes', {}, ({ error_code, error_msg }) => {
      if (error_code !== 0) reject(new Error(`the node refused: ${error_msg}`));
    });
    node.createSubscription('diagnostic_msgs/msg/DiagnosticArray', '/diagnostics', {}, ({ status }) => {
      const failed = status.find(({ name, level }) => name.endsWith(': imagination') && level === ERROR);
      if (failed !== undefined) reject(new Error(`${failed.name}: ${failed.message}`));
    });
    const commands = node.createPublisher('std_msgs/msg/String', 'instruction', { qos: qos(10, 'reliable') });
    // The command is sent when the camera is seen and the node listens.
    const timer = setInterval(() => {
      if (images.size === 0 || commands.subscriptionCount === 0) return;
      clearInterval(timer);
      sentMs = performance.now();
      commands.publish({ data: command });
    }, 100);
    node.spin();
  });
}

async function write({ clip, image }) {
  await mkdir(folder, { recursive: true });
  await writeClipBag(join(folder, 'clip.mcap'), { clip, images: [image] });
  const [first, second] = clip.time_from_start;
  const period = second.sec - first.sec + (second.nanosec - first.nanosec) / 1e9;
  const frames = await framesOfClip(clip);
  const animation = await encodeAnimatedWebp(frames, { framesPerSecond: 1 / period });
  await writeFile(join(folder, 'clip.webp'), animation);
  const { width, height } = frames[0];
  say(`  ${frames.length} frames of ${width}x${height}, seed ${clip.seed}, on ${clip.execution_provider}`);
}

let status = 0;
try {
  await write(await imagined());
} catch (error) {
  process.stderr.write(`demo: ${error.message}\n`);
  status = 1;
}
// A process that exits while it spins may crash.
node.stop();
node.destroy();
context.shutdown();
process.exit(status);
