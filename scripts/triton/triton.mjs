// A real tritonserver for a script, and clips to ask of it.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** Resolves to { url, pid, stop } once the server answers. */
export async function serve(repository, { port } = {}) {
  const place = port === undefined ? [] : ['--port', `${port}`];
  const server = spawn(process.execPath, [join(here, 'serve.mjs'), repository, '--threads', '1', ...place], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((_, reject) =>
    server.on('exit', (code) => reject(new Error(`tritonserver ended: ${code}`))),
  );
  ended.catch(() => undefined);
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const { value, done } = await Promise.race([lines.next(), ended]);
  // What it prints ends before it does.
  if (done) await ended;
  return { ...JSON.parse(value), stop: () => server.kill('SIGTERM') };
}

/** Frames of one clip as bytes, the steps it took, and its time. */
export async function clip(planner, seed, settings = {}, onStep = () => undefined) {
  const { width, height } = planner.video;
  const data = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => 127 + 90 * Math.sin(i / (29 + seed)),
  );
  const request = {
    frames: [{ width, height, data }],
    instruction: 'put the red cube on the blue plate',
    seed,
    ...settings,
  };
  let steps = 0;
  for await (const event of planner.imagine(request)) {
    if (event.kind === 'step') {
      steps += 1;
      await onStep(event.step);
    }
    if (event.kind !== 'end') continue;
    const pixels = Buffer.concat(event.frames.map((frame) => frame.data));
    return { pixels, steps, totalMs: event.report.timings.totalMs };
  }
  throw new Error('no end');
}
