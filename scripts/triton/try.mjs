// Imagines clips on a real tritonserver and here, and says how far apart they are:
//
//   bash scripts/triton/setup.sh && npm run build && node scripts/triton/try.mjs MODEL_FOLDER [ROBOTS...]
//
// Then measures clips and requests per second of that one server with so many robots at once (1 2 4 8).
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { exportTriton, OpenInferenceEngine, VideoPlanner } from '../../dist/planner/index.js';

const here = dirname(fileURLToPath(import.meta.url));
const say = (line) => process.stdout.write(`${line}\n`);
const [model, ...counts] = process.argv.slice(2);
const robots = counts.length > 0 ? counts.map(Number) : [1, 2, 4, 8];
const SECONDS = 15;

/** Resolves to { url, pid, stop } once the server answers. */
async function serve(repository) {
  const server = spawn(process.execPath, [join(here, 'serve.mjs'), repository, '--threads', '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((_, reject) =>
    server.on('exit', (code) => reject(new Error(`server ended: ${code}`))),
  );
  ended.catch(() => undefined);
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const { value } = await Promise.race([lines.next(), ended]);
  return { ...JSON.parse(value), stop: () => server.kill('SIGTERM') };
}

async function clip(planner, seed) {
  const { width, height } = planner.video;
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => 127 + 90 * Math.sin(i / 29));
  const request = {
    frames: [{ width, height, data }],
    instruction: 'put the red cube on the blue plate',
    seed,
  };
  let steps = 0;
  for await (const event of planner.imagine(request)) {
    if (event.kind === 'step') steps += 1;
    if (event.kind === 'end') return { frames: event.frames, steps, totalMs: event.report.timings.totalMs };
  }
  throw new Error('no end');
}

const repository = mkdtempSync(join(tmpdir(), 'aid-repository-'));
let server;
try {
  const { models } = await exportTriton(model, repository);
  say(`${models.length} models exported`);
  server = await serve(repository);
  say(`tritonserver at ${server.url}`);
  const local = await VideoPlanner.load(model, { provider: 'cpu', threads: 1 });
  const expected = await clip(local, 7);
  await local.dispose();

  const load = () =>
    VideoPlanner.load(model, { engine: new OpenInferenceEngine({ url: server.url, timeoutMs: 300_000 }) });
  const planner = await load();
  const got = await clip(planner, 7);
  let [largest, sum, count] = [0, 0, 0];
  got.frames.forEach(({ data }, i) => {
    data.forEach((value, j) => {
      const difference = Math.abs(value - expected.frames[i].data[j]);
      largest = Math.max(largest, difference);
      sum += difference;
      count += 1;
    });
  });
  say(`the same clip: largest difference ${largest} of 255, mean ${(sum / count).toExponential(1)}`);

  say(
    `robots | clips/s | requests/s | clip p50 ms (${availableParallelism()} cores, robots and server together)`,
  );
  for (const robotCount of robots) {
    const planners = await Promise.all(Array.from({ length: robotCount }, load));
    await Promise.all(planners.map((each) => clip(each, 1)));
    const times = [];
    let requests = 0;
    const started = performance.now();
    await Promise.all(
      planners.map(async (each, i) => {
        for (let seed = 0; performance.now() - started < SECONDS * 1000; seed++) {
          const { steps, totalMs } = await clip(each, 1000 * i + seed);
          // Frame encoder, vision tower, condition, decoder, and each step.
          requests += 4 + steps;
          times.push(totalMs);
        }
      }),
    );
    const seconds = (performance.now() - started) / 1000;
    const median = times.sort((a, b) => a - b)[times.length >> 1];
    say(
      `${robotCount} | ${(times.length / seconds).toFixed(2)} | ${(requests / seconds).toFixed(1)} | ${median.toFixed(0)}`,
    );
    for (const each of planners) await each.dispose();
  }
  await planner.dispose();
} finally {
  server?.stop();
  rmSync(repository, { recursive: true, force: true });
}
process.exit();
