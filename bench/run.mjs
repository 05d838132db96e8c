// npm run bench: here against PyTorch with diffusers, in turns, and what a clip costs. Prints tables in Markdown.
//
//   npm run bench -- [--model DIR] [--large DIR] [--laps 10] [--warmup 2] [--threads 2] [--clips 100]
//                    [--only step,clip,train,grid,memory] [--out bench/results.json]
//
// Without --model it is the model of this package, or random weights in its shape where there is none. --large is ten
// times as large, random weights unless it is given. PyTorch's side needs bench/pytorch/setup.sh once. The tables are
// also in bench/results.md, every lap in bench/results.json; --out says where else.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median, round } from './racing/lap.mjs';
import { interleaved, Racer } from './racing/racer.mjs';
import { Report } from './racing/report.mjs';

const bench = dirname(fileURLToPath(import.meta.url));
const pytorch = join(bench, 'pytorch');
const python = join(pytorch, '.venv', 'bin', 'python');
const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    large: { type: 'string' },
    laps: { type: 'string', default: '10' },
    warmup: { type: 'string', default: '2' },
    threads: { type: 'string', default: '2' },
    clips: { type: 'string', default: '100' },
    only: { type: 'string' },
    out: { type: 'string', default: join(bench, 'results.json') },
  },
});
const laps = Number(options.laps);
const PARTS = ['step', 'clip', 'train', 'grid', 'memory'];
const parts = new Set(options.only?.split(',') ?? PARTS);
const note = (line) => process.stderr.write(`${line}\n`);

function fail(line) {
  note(`bench: ${line}`);
  process.exit(1);
}
if (!existsSync(python)) fail(`PyTorch is not set up in ${pytorch}/.venv: run bench/pytorch/setup.sh once`);
for (const part of parts)
  if (!PARTS.includes(part)) fail(`--only ${part}: expected some of ${PARTS.join(', ')}`);
if (!options.out.endsWith('.json')) fail(`--out ${options.out}: expected a name that ends in .json`);

/** A model folder of random weights, made once. */
function randomModel(name) {
  const folder = join(bench, '.models', name);
  if (!existsSync(join(folder, 'model_index.json'))) {
    const config = join(pytorch, 'configs', `${name}.json`);
    const { status } = spawnSync(python, ['make_model.py', '--config', config, '--out', folder], {
      cwd: pytorch,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (status !== 0) fail(`${folder}: could not be made`);
  }
  return folder;
}

/** PyTorch's side runs in another folder. */
const given = (folder) => folder && resolve(folder);
const shipped = join(bench, '..', 'models', 'aid-mini');
const isShipped = existsSync(join(shipped, 'model_index.json'));
const models = {
  mini: given(options.model) ?? (isShipped ? shipped : randomModel('mini')),
  'mini x10': given(options.large) ?? randomModel('mini-x10'),
};

function ours(script, model, args = []) {
  const common = ['--model', model, '--threads', options.threads, '--warmup', options.warmup];
  return new Racer(script, process.execPath, [join(bench, script), ...common, ...args]);
}
function theirs(script, model, args = []) {
  const common = ['--model', model, '--threads', options.threads, '--warmup', options.warmup];
  return new Racer(script, python, [script, ...common, ...args], { cwd: pytorch });
}

const aidConfig = (model) => JSON.parse(readFileSync(join(model, 'aid', 'config.json'), 'utf8'));

const sorted = (list, key) => list.map((lap) => lap[key]).sort((a, b) => a - b);
const middle = (list, key = 'ms') => median(sorted(list, key));

async function againstPyTorch(what, model, [our, our_args = []], [their, their_args = []]) {
  note(`${what}, ${model}`);
  const told = await interleaved(
    { ours: ours(our, model, our_args), theirs: theirs(their, model, their_args) },
    laps,
  );
  const [a, b] = [told.ours.laps, told.theirs.laps];
  return {
    what,
    ours_ms: middle(a),
    theirs_ms: middle(b),
    ratio: round(middle(a) / middle(b)),
    least_ratio: round(sorted(a, 'ms')[0] / sorted(b, 'ms')[0]),
    cpu_ratio: round(middle(a, 'cpu_ms') / middle(b, 'cpu_ms')),
    ours_rss_mb: a.at(-1).peak_rss_mb,
    theirs_rss_mb: b.at(-1).peak_rss_mb,
    ours: told.ours,
    theirs: told.theirs,
  };
}

async function races(model) {
  const rows = [];
  const race = async (...race) => rows.push(await againstPyTorch(...race));
  if (parts.has('step')) {
    for (const branches of ['1', '3']) {
      const args = ['--branches', branches];
      const what = branches === '1' ? 'denoising step' : `denoising step, ${branches} branches`;
      await race(what, model, ['time-step.mjs', args], ['time_step.py', args]);
    }
  }
  if (parts.has('clip')) {
    await race('whole clip', model, ['time-clip.mjs'], ['time_clip.py']);
    for (const preset of Object.keys(aidConfig(model).presets ?? {})) {
      const args = ['--preset', preset];
      await race(`whole clip, ${preset}`, model, ['time-clip.mjs', args], ['time_clip.py', args]);
    }
  }
  if (parts.has('train')) {
    const args = ['--batch', '4'];
    await race(`${TRAINING}, AID`, model, ['time-train-step.mjs', args], ['time_train_step.py', args]);
    const whole = [...args, '--trainable', 'everything'];
    const scripts = ['time-train-step.mjs', 'time_train_step.py'];
    await race(`${TRAINING}, everything`, model, [scripts[0], whole], [scripts[1], whole]);
  }
  return rows;
}

/** Clips a minute by frames and steps. */
async function grid(model) {
  const { num_frames: most } = aidConfig(model).dqformer;
  const cells = [];
  for (const frames of [most / 4, most / 2, most].map(Math.ceil)) {
    for (const steps of [1, 2, 4, 8, 25]) {
      note(`${frames} frames, ${steps} steps`);
      const args = ['--frames', String(frames), '--steps', String(steps)];
      const { ours: told } = await interleaved(
        { ours: ours('time-clip.mjs', model, args) },
        Math.min(laps, 5),
      );
      const ms = middle(told.laps);
      cells.push({ frames, steps, ms, clips_per_minute: round(60_000 / ms, 1) });
    }
  }
  return cells;
}

/** The first clip of a process builds its graphs; the others find them there. */
async function stalls(model) {
  const { ours: told } = await interleaved(
    { ours: ours('time-clip.mjs', model, ['--warmup', '0']) },
    laps + 1,
  );
  const [first, ...others] = told.laps;
  return {
    first_clip_ms: first.stall_ms,
    later_clips_ms: Math.max(...others.map(({ stall_ms }) => stall_ms)),
  };
}

function soak(model) {
  note(`${options.clips} clips in one process`);
  const args = ['--expose-gc', join(bench, 'soak.mjs'), '--model', model, '--clips', options.clips];
  const { status, stdout } = spawnSync(process.execPath, [...args, '--threads', options.threads], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) fail(`soak.mjs ended with exit status ${status}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

const TRAINING = 'training step';

/** What the project set out to reach on two cores, of what was raced: what, reached, limit. */
function targets({ races: { mini = [] }, soak }) {
  const row = (what) => mini.find((each) => each.what === what);
  const ratio = (what, limit) => [`${what}, ratio to PyTorch`, row(what)?.ratio, limit];
  const ms = (what, limit) => [`${what}, ms`, row(what)?.ours_ms, limit];
  return [
    ratio('denoising step', 0.55),
    ratio('denoising step, 3 branches', 0.55),
    ms('whole clip', 1000),
    ms('whole clip, fast', 300),
    ratio(`${TRAINING}, AID`, 1.8),
    ratio(`${TRAINING}, everything`, 1.8),
    ['resident memory with a clip, MB', soak?.peak_rss_mb, 700],
    [
      'memory of the last quarter of the clips to the second',
      soak && round(soak.last_quarter_mb / soak.second_quarter_mb),
      1.05,
    ],
  ]
    .filter(([, reached]) => reached !== undefined)
    .map(([what, reached, limit]) => [what, reached.toFixed(reached < 10 ? 2 : 0), limit]);
}

const [cpu] = cpus();
const report = new Report(options.out, {
  date: new Date().toISOString(),
  machine: `${cpu?.model ?? 'unknown'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, node ${process.versions.node}`,
  threads: Number(options.threads),
  laps,
  models,
  races: {},
});
const { results } = report;
report.say(
  `${results.date.slice(0, 10)}; ${results.machine}; ${results.threads} threads, F32, median of ${laps} laps in turns.`,
);
report.say();
for (const [name, model] of Object.entries(models)) {
  const rows = await races(model);
  if (rows.length === 0) continue;
  results.races[name] = rows;
  const torch = rows[0]?.theirs.torch;
  report.table(
    `${name} against PyTorch ${torch} with diffusers, eager`,
    [
      '',
      'here, ms',
      'PyTorch, ms',
      'ratio',
      'of the least',
      'of CPU time',
      'peak here, MB',
      'peak PyTorch, MB',
    ],
    rows.map((row) => [
      row.what,
      row.ours_ms.toFixed(1),
      row.theirs_ms.toFixed(1),
      row.ratio.toFixed(2),
      row.least_ratio.toFixed(2),
      row.cpu_ratio.toFixed(2),
      row.ours_rss_mb.toFixed(0),
      row.theirs_rss_mb.toFixed(0),
    ]),
  );
}
if (parts.has('train')) {
  const each = Object.entries(results.races).flatMap(([name, rows]) =>
    rows.filter(({ what }) => what.startsWith(TRAINING)).map((row) => [name, row]),
  );
  report.table(
    'Training steps a second, 4 clips a step',
    ['', 'here', 'PyTorch', 'ratio'],
    each.map(([name, { what, ours_ms, theirs_ms }]) => [
      `${name}${what.slice(TRAINING.length)}`,
      (1000 / ours_ms).toPrecision(3),
      (1000 / theirs_ms).toPrecision(3),
      (theirs_ms / ours_ms).toFixed(2),
    ]),
  );
}
if (parts.has('grid')) {
  results.grid = await grid(models.mini);
  const steps = [...new Set(results.grid.map((cell) => cell.steps))];
  const frames = [...new Set(results.grid.map((cell) => cell.frames))];
  const cell = (f, s) => results.grid.find((each) => each.frames === f && each.steps === s);
  report.table(
    'Clips a minute, mini',
    ['', ...steps.map((s) => `${s} ${s === 1 ? 'step' : 'steps'}`)],
    frames.map((f) => [`${f} frames`, ...steps.map((s) => cell(f, s).clips_per_minute)]),
  );
}
if (parts.has('memory')) {
  results.stalls = await stalls(models.mini);
  results.soak = soak(models.mini);
  report.table(
    'Memory and the caller, mini',
    ['', ''],
    [
      ["longest stall of the caller's thread, first clip, ms", results.stalls.first_clip_ms],
      ['the same, later clips, ms', results.stalls.later_clips_ms],
      [`peak resident memory over ${results.soak.clips} clips, MB`, results.soak.peak_rss_mb],
      ['most in the second quarter of them, MB', results.soak.second_quarter_mb],
      ['most in the last quarter, MB', results.soak.last_quarter_mb],
    ],
  );
}
const reached = targets(results);
if (reached.length > 0)
  report.table(`Targets, mini, ${results.threads} threads`, ['', 'here', 'at most'], reached);
report.save();
const [tables, everyLap] = report.files;
note(`${tables} has the tables, ${everyLap} every lap`);
