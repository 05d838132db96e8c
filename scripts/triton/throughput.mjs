// Clips and requests per second of one real tritonserver with so many robots at once:
//
//   bash scripts/triton/setup.sh && npm run build && node scripts/triton/throughput.mjs MODEL_FOLDER [ROBOTS...]
//
// 1 2 4 8 unless said otherwise. Robots and server share the cores of this machine.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportTriton, OpenInferenceEngine, VideoPlanner } from '../../dist/planner/index.js';
import { clip, serve } from './triton.mjs';

const [model = 'models/aid-mini', ...counts] = process.argv.slice(2);
const robots = counts.length > 0 ? counts.map(Number) : [1, 2, 4, 8];
const SECONDS = 15;
/** Frame encoder, vision tower, condition and decoder; each step is one more. */
const REQUESTS_BESIDE_STEPS = 4;

const say = (line) => process.stdout.write(`${line}\n`);
const repository = mkdtempSync(join(tmpdir(), 'aid-repository-'));
let server;
try {
  await exportTriton(model, repository);
  server = await serve(repository);
  say(`${model} on ${availableParallelism()} cores, ${SECONDS} s a row\n`);
  say('| Robots | clips/s | requests/s | median clip, ms |\n|---|---|---|---|');
  for (const count of robots) {
    const engines = Array.from(
      { length: count },
      () => new OpenInferenceEngine({ url: server.url, timeoutMs: 300_000 }),
    );
    const planners = await Promise.all(engines.map((engine) => VideoPlanner.load(model, { engine })));
    await Promise.all(planners.map((planner) => clip(planner, 1)));
    const times = [];
    let requests = 0;
    const started = performance.now();
    await Promise.all(
      planners.map(async (planner, i) => {
        for (let seed = 0; performance.now() - started < SECONDS * 1000; seed++) {
          const { steps, totalMs } = await clip(planner, 1000 * i + seed);
          requests += REQUESTS_BESIDE_STEPS + steps;
          times.push(totalMs);
        }
      }),
    );
    const seconds = (performance.now() - started) / 1000;
    const median = times.sort((a, b) => a - b)[times.length >> 1];
    say(
      `| ${count} | ${(times.length / seconds).toFixed(2)} | ${(requests / seconds).toFixed(1)} | ${median.toFixed(0)} |`,
    );
    for (const engine of engines) await engine.dispose();
  }
} finally {
  server?.stop();
  rmSync(repository, { recursive: true, force: true });
}
process.exit();
