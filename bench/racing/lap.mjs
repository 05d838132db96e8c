// One race: a function timed again and again, on the driver's word or alone. The protocol is that of
// pytorch/racing/lap.py: `{"ready": true, ...}`, then `{"ms": ..., "cpu_ms": ..., "peak_rss_mb": ...}` for every line that comes in.
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const OPTIONS = {
  model: { type: 'string' },
  threads: { type: 'string', default: '2' },
  warmup: { type: 'string', default: '2' },
  repeat: { type: 'string' },
};

/** The command line of a race: `--model DIR`, `--threads`, `--warmup`, `--repeat` and the race's own numbers. */
export function raceArguments(own = {}) {
  const options = { ...OPTIONS };
  for (const name of Object.keys(own)) options[name] = { type: 'string' };
  const { values } = parseArgs({ options });
  if (values.model === undefined) throw new Error('--model DIR: expected a model folder');
  const { model, ...rest } = values;
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  const numbers = given.map(([name, value]) => [name, Number.isNaN(Number(value)) ? value : Number(value)]);
  return { ...own, model, ...Object.fromEntries(numbers) };
}

/** `prepare` loads and gives the lap and what is to be told of it; a lap may give facts of its own. */
export async function race({ warmup, repeat }, prepare) {
  const started = performance.now();
  const { lap, facts, end } = await prepare();
  const told = { ...facts, load_ms: round(performance.now() - started), node: process.versions.node };
  for (let i = 0; i < warmup; i++) await lap();
  if (repeat !== undefined) {
    const laps = [];
    for (let i = 0; i < repeat; i++) laps.push(await timed(lap));
    const times = laps.map(({ ms }) => ms).sort((a, b) => a - b);
    say({
      ...told,
      ...laps.at(-1),
      ms: undefined,
      cpu_ms: undefined,
      median_ms: median(times),
      min_ms: times[0],
      repeat,
    });
  } else {
    say({ ready: true, ...told });
    for await (const _line of createInterface({ input: process.stdin })) say(await timed(lap));
  }
  await end();
}

export function peakRssMb() {
  return round((process.resourceUsage().maxRSS * 1024) / 1e6, 1);
}

export function median(sorted) {
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

async function timed(lap) {
  const [started, before] = [performance.now(), process.cpuUsage()];
  const facts = await lap();
  const ms = round(performance.now() - started);
  const { user, system } = process.cpuUsage(before);
  return { ms, cpu_ms: round((user + system) / 1000), ...facts, peak_rss_mb: peakRssMb() };
}

export function round(number, digits = 3) {
  return Number(number.toFixed(digits));
}

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
