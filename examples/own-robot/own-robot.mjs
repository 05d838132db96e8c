// A model adapted to another robot's recordings, end to end: record, inspect, evaluate, train, evaluate again, for
// several numbers of episodes.
//
//   node examples/own-robot/own-robot.mjs [--model DIR] [--out DIR] [--episodes 50,200,800] [--steps N]
//       [--decoder-steps N] [--train text_encoder] [--scenes N] [--test-episodes N] [--variant FILE]
//       [--table FILE] [--threads N]
//
// The "robot" is the simulated table with another table, colours, camera, light and words; with bags of a real one, put
// them where this one records its own and leave step 1 out. Run again after an interruption, it goes on. With another
// table, other weights in --model or other options, what depends on them begins anew, in a folder of its own:
//
//   --out/TABLE/recorded, test, scenes, bags-N    what was recorded, and the first N of it
//        /TABLE/MODEL/N-scenes, N-episodes         what the model does before
//        /TABLE/MODEL/TRAINING                     what it is trained to, and in the same folders what that does
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, parse, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { VideoPlanner } from 'aid-planner';
import { resultsPage } from './results-page.mjs';
import { adaptConfig, decoderConfig } from './training-configs.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const project = resolve(here, '../..');
/** Of seeds that no training episode has. */
const TEST_SEED = 10_000;

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(project, 'models', 'aid-mini') },
    out: { type: 'string', default: join(project, 'runs', 'own-robot') },
    episodes: { type: 'string', default: '50,200,800' },
    steps: { type: 'string', default: '300' },
    'decoder-steps': { type: 'string', default: '400' },
    // Whole networks that are trained besides DQFormer, adapters and attn2: new words are spelled out in letters,
    // and the text tower learns to read them.
    train: { type: 'string', default: 'text_encoder' },
    scenes: { type: 'string', default: '64' },
    'test-episodes': { type: 'string', default: '24' },
    variant: { type: 'string', default: join(here, 'workshop.toml') },
    table: { type: 'string' },
    threads: { type: 'string' },
  },
});
const variant = resolve(options.variant);
const train = options.train === '' ? [] : options.train.split(',');
const threads = options.threads === undefined ? [] : ['--threads', options.threads];

class Failure extends Error {}

function wholeNumbers(name, low) {
  const numbers = options[name].split(',').map(Number);
  if (numbers.every((number) => Number.isSafeInteger(number) && number >= low)) return numbers;
  throw new Failure(`--${name}: expected whole numbers of at least ${low}, got ${options[name]}`);
}
const say = (line) => process.stdout.write(`${line}\n`);
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

function run(program, args) {
  const { status } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Failure(`${[program, ...args].join(' ')} ended with status ${status}`);
}
const aid = (...args) => run(process.execPath, [join(project, 'dist', 'cli', 'main.js'), ...args]);

async function describe(model) {
  const planner = await VideoPlanner.load(model, { provider: 'cpu', threads: 1 });
  await planner.dispose();
  return { sha256: planner.sha256, video: planner.video };
}

/** Bags of so many of the variant's episodes, and some to spare: not every seed makes one. */
function record(folder, firstSeed, count, { width, height }) {
  const seeds = `${firstSeed}:${firstSeed + Math.ceil(count * 1.1) + 4}`;
  const picture = ['--size', `${width}x${height}`, '--variant', variant];
  const workers = ['--workers', String(availableParallelism()), '--resume'];
  run(join(project, 'sim', '.venv', 'bin', 'aid-sim'), [
    'episodes',
    ...['--seeds', seeds, '--out', folder],
    ...[...picture, ...workers],
  ]);
}

/** The first so many of the recorded episodes, in a folder of their own, which it returns. */
function takeBags(recorded, folder, count) {
  const names = readdirSync(recorded).filter((name) => name.endsWith('.mcap'));
  if (names.length < count)
    throw new Failure(`${recorded}: ${names.length} episodes, expected at least ${count}`);
  mkdirSync(folder, { recursive: true });
  for (const name of names.sort().slice(0, count))
    if (!existsSync(join(folder, name))) copyFileSync(join(recorded, name), join(folder, name));
  return folder;
}

/** How often commands are followed, which needs the true outcome of every command: only a simulator has that. */
async function follow(work, name, model, cache, scenes) {
  const file = join(work, `${scenes}-scenes`, `${name}.json`);
  const { sha256 } = await describe(model);
  if (existsSync(file) && readJson(file).model.sha256 === sha256) return readJson(file);
  const seeds = ['--scenes', `${TEST_SEED}:${TEST_SEED + scenes}`, '--seeds', '1'];
  const table = ['--variant', variant, '--cache', cache];
  mkdirSync(dirname(file), { recursive: true });
  aid('evaluate', '--model', model, ...seeds, ...table, '--out', file, ...threads);
  return readJson(file);
}

/** What can be measured on recordings of a real robot, too. Returns the saved run. */
async function measure(work, name, model, bags, episodes) {
  const save = join(work, `${episodes}-episodes`, name);
  const { sha256 } = await describe(model);
  const file = join(save, 'run.json');
  if (existsSync(file) && readJson(file).model.sha256 !== sha256) rmSync(save, { recursive: true });
  if (!existsSync(file)) aid('evaluate', '--model', model, '--data', bags, '--save', save, ...threads);
  aid('score', save);
  return save;
}

/** Trains on the bags: what is AID's, then the decoder, which has never seen these colours. Returns the model. */
function adapt(work, bags, count, video, [steps, decoderSteps]) {
  const shared = { model: resolve(options.model), video, bags: relative(work, bags) };
  const runs = [
    [`adapted-${count}`, adaptConfig({ ...shared, steps, train })],
    ...(decoderSteps === 0
      ? []
      : [
          [
            `decoded-${count}`,
            decoderConfig({ ...shared, steps: decoderSteps, start: `adapted-${count}/model` }),
          ],
        ]),
  ];
  for (const [output, config] of runs) {
    const file = join(work, `${output}.json`);
    writeFileSync(file, `${JSON.stringify({ output, ...config }, null, 2)}\n`);
    aid('train', file, ...threads);
  }
  return join(work, runs.at(-1)[0], 'model');
}

async function main() {
  const counts = wholeNumbers('episodes', 1).sort((a, b) => a - b);
  const [[steps], [decoderSteps]] = [wholeNumbers('steps', 1), wholeNumbers('decoder-steps', 0)];
  const [[scenes], [tests]] = [wholeNumbers('scenes', 1), wholeNumbers('test-episodes', 2)];
  if (options.table !== undefined) mkdirSync(dirname(resolve(options.table)), { recursive: true });
  const model = resolve(options.model);
  const { sha256, video } = await describe(model);
  const digest = createHash('sha256').update(readFileSync(variant)).digest('hex').slice(0, 12);
  const size = `${video.width}x${video.height}`;
  const table = join(resolve(options.out), `${parse(variant).name}-${digest}-${size}`);
  const [recorded, test, cache] = ['recorded', 'test', 'scenes'].map((name) => join(table, name));
  const given = join(table, `${basename(model)}-${sha256.slice(0, 12)}`);
  const work = join(given, [steps, decoderSteps, ...(train.length === 0 ? ['adapters'] : train)].join('-'));

  say('1. Recording');
  record(recorded, 0, Math.max(...counts), video);
  record(test, TEST_SEED, tests, video);

  say('2. Inspecting');
  aid('data', 'inspect', recorded, '--sheet', join(table, 'recorded.png'), '--limit', '64');

  say('3. Before');
  mkdirSync(work, { recursive: true });
  const testBags = takeBags(test, join(table, `test-${tests}`), tests);
  const before = await measure(given, 'before', model, testBags, tests);
  const rows = [{ episodes: 0, report: await follow(given, 'followed-0', model, cache, scenes) }];
  let adapted = model;
  for (const count of counts) {
    say(`4. Training on ${count} episodes`);
    const bags = takeBags(recorded, join(table, `bags-${count}`), count);
    adapted = adapt(work, bags, count, video, [steps, decoderSteps]);
    say(`5. After ${count} episodes`);
    rows.push({ episodes: count, report: await follow(work, `followed-${count}`, adapted, cache, scenes) });
  }
  const after = await measure(work, `after-${counts.at(-1)}`, adapted, testBags, tests);

  say('6. Looking');
  const page = join(work, `${tests}-episodes`, 'report.html');
  aid('report', after, '--compare', before, '--out', page);
  const results = resultsPage(rows, {
    model: basename(model),
    sha256,
    steps,
    clipsPerStep: readJson(join(work, `adapted-${counts[0]}.json`)).recipe.clipsPerRun,
    decoderSteps,
    train,
  });
  const file = join(work, `${scenes}-scenes`, 'results.md');
  for (const each of [file, ...(options.table === undefined ? [] : [options.table])])
    writeFileSync(each, results);
  say(results);
  say(`${file}, ${page}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`own-robot: ${error.message}\n`);
  process.exitCode = 1;
}
