// What a planner does when a real tritonserver behaves, and when it does not:
//
//   bash scripts/triton/setup.sh && npm run build && node scripts/triton/try.mjs [MODEL_FOLDER]
//
// Prints a row for each trial; the status is 1 where one ends otherwise than it should.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportTriton, OpenInferenceEngine, VideoPlanner } from '../../dist/planner/index.js';
import { clip, serve } from './triton.mjs';

const [model = 'models/aid-mini'] = process.argv.slice(2);
const ROBOTS = 6;
const TIMEOUT_MS = 5000;
/** Pauses double: more than a minute. */
const PATIENCE = 9;

const say = (line) => process.stdout.write(`${line}\n`);
const repository = mkdtempSync(join(tmpdir(), 'aid-repository-'));
const engines = [];
let server;
let wrong = 0;

/** `expected`: the code of an error, or undefined where it is to succeed; `work` may return what to say of it. */
async function trial(name, expected, work) {
  const started = performance.now();
  const { code, message } = await work().then(
    (told) => ({ message: told ?? '' }),
    (error) => ({ code: error.code ?? error.name, message: error.message }),
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const isRight = code === expected;
  if (!isRight) wrong += 1;
  const outcome = isRight
    ? (code ?? 'the clip')
    : `${code ?? 'the clip'}, expected ${expected ?? 'the clip'}`;
  say(`| ${name} | ${outcome} | ${seconds} s | ${message} |`);
}

async function robot(options = {}) {
  const engine = new OpenInferenceEngine({ url: server.url, timeoutMs: 60_000, ...options });
  engines.push(engine);
  return VideoPlanner.load(model, { engine });
}

/** Largest and mean difference of two clips, of 255. */
function difference(a, b) {
  let [largest, sum] = [0, 0];
  a.forEach((value, i) => {
    const apart = Math.abs(value - b[i]);
    largest = Math.max(largest, apart);
    sum += apart;
  });
  return { largest, text: `largest difference ${largest} of 255, mean ${(sum / a.length).toExponential(1)}` };
}

function check(same, text) {
  if (!same) throw new Error(text);
  return text;
}

const NEAR = 8;

try {
  await exportTriton(model, repository, { maxQueueSize: 2 });
  server = await serve(repository);
  const port = server.url.split(':').at(-1);
  const seeds = Array.from({ length: ROBOTS }, (_, seed) => seed);
  const local = await VideoPlanner.load(model, { provider: 'cpu', threads: 1 });
  const expected = [];
  for (const seed of seeds) expected.push((await clip(local, seed)).pixels);
  await local.dispose();

  say('| trial | outcome | after | what is said |\n|---|---|---|---|');
  const one = await robot();
  await trial('one robot, the same clip as here', undefined, async () => {
    const { largest, text } = difference((await clip(one, 0)).pixels, expected[0]);
    return check(largest <= NEAR, text);
  });
  await trial(`${ROBOTS} robots at once, each its own clip`, undefined, async () => {
    const robots = await Promise.all(seeds.map(() => robot({ retries: 100 })));
    const clips = await Promise.all(robots.map((each, seed) => clip(each, seed)));
    const all = clips.map(({ pixels }, seed) => difference(pixels, expected[seed]));
    const worst = all.reduce((a, b) => (a.largest > b.largest ? a : b));
    return check(worst.largest <= NEAR, worst.text);
  });
  await trial('a version that is not there', 'engine-unavailable', async () =>
    clip(await robot({ modelVersion: '2' }), 0),
  );
  await trial('a version that is no number', 'engine-unavailable', async () =>
    clip(await robot({ modelVersion: 'x' }), 0),
  );
  await trial('a length of clip that was not exported', 'engine-unavailable', () =>
    clip(one, 0, { numFrames: 3 }),
  );
  await trial('nobody at that address', 'engine-unavailable', async () =>
    clip(await robot({ url: 'grpc://127.0.0.1:9', retries: 1 }), 0),
  );
  await trial(`a queue of 2, ${2 * ROBOTS} robots without retries`, 'engine-overloaded', async () => {
    const robots = await Promise.all([...seeds, ...seeds].map(() => robot({ retries: 0 })));
    const clips = await Promise.allSettled(robots.map((each, i) => clip(each, i % ROBOTS)));
    const failed = clips.flatMap(({ reason }) => reason ?? []);
    for (const { code, message } of failed) if (code !== 'engine-overloaded') throw new Error(message);
    throw failed[0] ?? new Error('all had their clip');
  });
  const impatient = await robot({ timeoutMs: TIMEOUT_MS });
  await clip(impatient, 0);
  const abort = new AbortController();
  process.kill(server.pid, 'SIGSTOP');
  await trial('a server that has stopped answering', 'engine-timeout', () => clip(impatient, 0));
  await trial('the same, aborted after 1 s', 'aborted', () => {
    setTimeout(() => abort.abort(), 1000);
    return clip(one, 0, { abortSignal: abort.signal });
  });
  await trial('the same, with a deadline of 1 s', 'deadline-exceeded', () =>
    clip(one, 0, { deadlineMs: 1000 }),
  );
  process.kill(server.pid, 'SIGCONT');
  await trial('it answers again', undefined, async () => {
    const { largest, text } = difference((await clip(one, 0)).pixels, expected[0]);
    return check(largest <= NEAR, text);
  });
  await trial('killed after two steps', 'engine-unavailable', () =>
    clip(one, 0, { numInferenceSteps: 10 }, (step) => {
      if (step === 2) process.kill(server.pid, 'SIGKILL');
    }),
  );
  await sleep(500);
  const patient = await robot({ retries: PATIENCE });
  const again = serve(repository, { port });
  await trial('started again at the same address', undefined, async () => {
    const waiting = clip(patient, 0);
    server = await again;
    const { largest, text } = difference((await waiting).pixels, expected[0]);
    return check(largest <= NEAR, text);
  });
} finally {
  server?.stop();
  for (const engine of engines) await engine.dispose();
  rmSync(repository, { recursive: true, force: true });
}
process.exit(wrong === 0 ? 0 : 1);
