// Once at the full size of Stable Video Diffusion, with adapters and DQFormer, random weights: one denoising step of
// 16 frames of 256x256 on the CPU against diffusers, with time and memory.
//
//   node bench/svd.mjs [--model DIR] [--io FILE] [--threads 2]
//
// --model is made when it is not there (6 GB of disk, 4 GB of memory). --io is what `pytorch/time_step.py --save` wrote
// for the model; without it PyTorch runs first, which takes about 10 GB of memory.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readNetworks } from '#planner/imagination/networks.js';
import { adapterConfigOf } from '#planner/models/aid-config.js';
import { precomputedCondition, recordingCondition, tokensCondition } from '#planner/models/unet/condition.js';
import { unet } from '#planner/models/unet/unet.js';
import { Graph } from '#planner/onnx/graph.js';
import { Scope } from '#planner/onnx/scope.js';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { floatTensor } from '#planner/runtime/tensor.js';
import { readFloats, readSafetensorsHeader } from '#planner/weights/safetensors.js';

const pytorch = join(dirname(fileURLToPath(import.meta.url)), 'pytorch');
const { values: options } = parseArgs({
  options: { model: { type: 'string' }, io: { type: 'string' }, threads: { type: 'string', default: '2' } },
});
// PyTorch's side runs in another folder.
const model = resolve(options.model ?? join(pytorch, '..', '.models', 'svd'));
const say = (what, facts) => process.stdout.write(`${JSON.stringify({ what, ...facts })}\n`);
const seconds = (since) => Math.round((performance.now() - since) / 100) / 10;

function python(...args) {
  const { status, stdout } = spawnSync(join(pytorch, '.venv', 'bin', 'python'), args, {
    cwd: pytorch,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${args[0]} failed; has bench/pytorch/setup.sh run?`);
  return stdout;
}

/** Gigabytes: `peak` counts pages of weight files too, which the system may take back at any time; `own` does not. */
function watchMemory() {
  const read = (name) => {
    const line = readFileSync('/proc/self/status', 'utf8').match(new RegExp(`${name}:\\s+(\\d+)`));
    return Number(line?.[1] ?? 0) * 1024;
  };
  let own = 0;
  const look = () => {
    own = Math.max(own, read('RssAnon'));
  };
  const timer = setInterval(look, 50);
  const gigabytes = (bytes) => Math.round(bytes / 1e7) / 100;
  return {
    facts() {
      look();
      return { peak_gb: gigabytes(read('VmHWM')), peak_own_gb: gigabytes(own) };
    },
    end: () => clearInterval(timer),
  };
}

if (!existsSync(join(model, 'model_index.json')))
  python('make_model.py', '--config', join(pytorch, 'configs', 'svd.json'), '--out', model);
const scratch = mkdtempSync(join(tmpdir(), 'aid-svd-'));
const io = options.io ?? join(scratch, 'io.safetensors');
if (options.io === undefined) {
  const args = ['--branches', '1', '--repeat', '1', '--warmup', '0', '--threads', options.threads];
  say('PyTorch', JSON.parse(python('time_step.py', '--model', model, ...args, '--save', io)));
}
const stored = readSafetensorsHeader(io);
const tensor = (name) => floatTensor(stored.get(name).shape, readFloats(stored.get(name)));
const given = {
  sample: tensor('sample'),
  timestep: tensor('timestep'),
  added_time_ids: tensor('added_time_ids'),
};
const [tokens, expected] = [tensor('encoder_hidden_states'), tensor('output').data];
rmSync(scratch, { recursive: true });

const memory = watchMemory();
let started = performance.now();
const networks = await readNetworks(model);
const [batch, numFrames] = given.sample.dims;

/** The UNet under a condition; other inputs are those of the file. */
function build(name, conditionOf) {
  const graph = new Graph(name);
  const input = (key, { dims }) => graph.input(key, 'float32', dims);
  const inputs = {
    sample: input('sample', given.sample),
    timestep: input('timestep', given.timestep),
    addedTimeIds: input('added_time_ids', given.added_time_ids),
    condition: conditionOf(graph),
  };
  const output = unet(new Scope(graph, 'unet'), inputs, networks.unet, adapterConfigOf(networks.aid));
  return { graph, output };
}
let recorder;
const keys = build('keys and values', (graph) => {
  recorder = recordingCondition(tokensCondition(graph.input('tokens', 'float32', tokens.dims)));
  return recorder.condition;
}).graph;
for (const [name, value] of recorder.recorded) keys.output(name, value);
const denoiser = build('denoiser', () => precomputedCondition(batch, numFrames, tokens.dims[2]));
denoiser.graph.output('output', denoiser.output);
say('graphs built', { seconds: seconds(started), nodes: denoiser.graph.nodes.length });

const engine = new OnnxRuntimeEngine({ threads: Number(options.threads) });
const weights = (key) => networks.tensors.get(key);
started = performance.now();
const condition = await engine.load(keys, { weights });
const { resident } = await condition.run({ ...given, tokens }, { keep: condition.outputNames });
await condition.release();
say('keys and values', { seconds: seconds(started), ...memory.facts() });

started = performance.now();
const session = await engine.load(denoiser.graph, { weights });
const { parameterCount } = denoiser.graph;
say('loaded', { seconds: seconds(started), weights_f32_gb: parameterCount / 2.5e8, ...memory.facts() });

started = performance.now();
const { data } = (await session.run({ ...given, ...resident })).tensors.output;
const stepSeconds = seconds(started);
let [error, most] = [0, 0];
for (const [i, value] of expected.entries()) {
  error = Math.max(error, Math.abs(value - data[i]));
  most = Math.max(most, Math.abs(value));
}
say('step', { seconds: stepSeconds, relative_error: error / most, ...memory.facts() });
memory.end();
await engine.dispose();
process.exitCode = error / most <= 1e-3 ? 0 : 1;
