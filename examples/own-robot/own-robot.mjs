// A model adapted to another robot's recordings, end to end: record, inspect, evaluate, train, evaluate again.
//
//   node examples/own-robot/own-robot.mjs [--model DIR] [--out DIR] [--episodes 16,64,256] [--steps N]
//                                         [--test-episodes N] [--variant FILE] [--threads N]
//
// The "robot" is the simulated table with another table, colours, camera and words; with bags of a real one, put them
// where this one records its own and leave step 1 out. Run again after an interruption, it goes on.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const project = resolve(here, '../..');
const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(project, 'models', 'aid-mini') },
    out: { type: 'string', default: join(project, 'runs', 'own-robot') },
    episodes: { type: 'string', default: '16,64,256' },
    steps: { type: 'string', default: '1000' },
    'test-episodes': { type: 'string', default: '32' },
    variant: { type: 'string', default: join(here, 'workshop.toml') },
    threads: { type: 'string' },
  },
});
const [model, out] = [resolve(options.model), resolve(options.out)];
const counts = options.episodes.split(',').map(Number);
const tests = Number(options['test-episodes']);
const threads = options.threads === undefined ? [] : ['--threads', options.threads];
const say = (line) => process.stdout.write(`${line}\n`);

function run(program, args) {
  const { status } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) {
    process.stderr.write(`own-robot: ${[program, ...args].join(' ')} ended with status ${status}\n`);
    process.exit(1);
  }
}
const aid = (...args) => run(process.execPath, [join(project, 'dist', 'cli', 'main.js'), ...args]);

const config = JSON.parse(readFileSync(join(model, 'aid', 'config.json'), 'utf8'));
const { width, height } = config.video;

say('1. Recording');
const sim = join(project, 'sim', '.venv', 'bin', 'aid-sim');
// Some seeds make no episode.
const spare = (count) => Math.ceil(count * 1.3) + 4;
for (const [name, first, count] of [
  ['recorded', 0, Math.max(...counts)],
  ['test', 10_000, tests],
]) {
  const size = ['--size', `${width}x${height}`, '--resume'];
  const seeds = ['--seeds', `${first}:${first + spare(count)}`, '--out', join(out, name)];
  run(sim, ['episodes', '--variant', resolve(options.variant), ...seeds, ...size]);
}

say('2. Inspecting');
aid('data', 'inspect', join(out, 'recorded'), '--sheet', join(out, 'recorded.png'), '--limit', '64');

function evaluate(name, folder) {
  const save = join(out, name);
  const few = ['--episodes', String(tests)];
  if (!existsSync(join(save, 'run.json')))
    aid('evaluate', '--model', folder, '--data', join(out, 'test'), '--save', save, ...few, ...threads);
  aid('score', save);
  return JSON.parse(readFileSync(join(save, 'scores.json'), 'utf8')).scores;
}

say('3. Before');
const rows = [[0, evaluate('before', model)]];
for (const count of counts) {
  say(`4. Training on ${count} episodes`);
  const bags = join(out, `bags-${count}`);
  mkdirSync(bags, { recursive: true });
  const recorded = readdirSync(join(out, 'recorded'))
    .filter((name) => name.endsWith('.mcap'))
    .sort();
  for (const name of recorded.slice(0, count)) copyFileSync(join(out, 'recorded', name), join(bags, name));
  const steps = Number(options.steps);
  const training = {
    output: `adapted-${count}`,
    steps,
    learningRate: { peak: 0.0005, warmupSteps: Math.ceil(steps / 20), decay: 'cosine', floor: 0.05 },
    checkpointEverySteps: Math.max(1, Math.min(200, Math.floor(steps / 4))),
    recipe: {
      recipe: 'adapt',
      data: { bags: `bags-${count}` },
      base: model,
      frame: { width, height },
      numFrames: config.dqformer.num_frames,
      framesPerSecond: config.video.frames_per_second,
      clipsPerRun: Math.min(8, count),
      aid: config,
      // New words are spelled out in letters: the text tower learns to read them.
      train: existsSync(join(model, 'text_encoder')) ? ['text_encoder'] : [],
    },
  };
  writeFileSync(join(out, `adapt-${count}.json`), `${JSON.stringify(training, null, 2)}\n`);
  aid('train', join(out, `adapt-${count}.json`), ...threads);
  say(`5. After ${count} episodes`);
  rows.push([count, evaluate(`after-${count}`, join(out, `adapted-${count}`, 'model'))]);
}

say('6. Looking');
aid(
  'report',
  join(out, `after-${counts.at(-1)}`),
  '--compare',
  join(out, 'before'),
  '--out',
  join(out, 'report.html'),
);

const value = (scores, name, of = '') => {
  const score = scores.find((each) => each.name === name && each.of.startsWith(of));
  return score === undefined
    ? 'none'
    : `${score.value.toFixed(3)} (${score.interval.map((bound) => bound.toFixed(3)).join(' to ')})`;
};
const table = [
  `${tests} test episodes, ${options.steps} steps each. In brackets: 95 % intervals over episodes.`,
  '',
  '| episodes | PSNR, dB | SSIM | change with another command, of 255 |',
  '|---|---|---|---|',
  ...rows.map(
    ([count, scores]) =>
      `| ${count} | ${value(scores, 'psnr')} | ${value(scores, 'ssim')} | ${value(scores, 'sensitivity', 'another command')} |`,
  ),
  '',
].join('\n');
writeFileSync(join(out, 'own-robot.md'), table);
say(table);
