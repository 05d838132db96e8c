// Makes a model to train from, of one that was trained on coarser latents: its UNet gets a finer resolution around all
// that it has. What is inside keeps its values, and is told of the noise what it was told before; the finest resolution
// has first values. Text and vision towers and DQFormer are copied.
//
//   npm run build && node scripts/grow.mjs --model models/aid-mini --autoencoder runs/autoencoder/model
//       --unet models/training/backbone.json --aid models/training/aid-mini.json --out runs/grown
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { AidError } from '#planner/errors.js';
import { ADAPTED_KEYS } from '#planner/models/aid.js';
import { adapterConfigOf, aidConfig, conditionTokenCount } from '#planner/models/aid-config.js';
import { tokensCondition } from '#planner/models/unet/condition.js';
import { unetConfig } from '#planner/models/unet/config.js';
import { unet } from '#planner/models/unet/unet.js';
import { Graph } from '#planner/onnx/graph.js';
import { Scope } from '#planner/onnx/scope.js';
import { Random } from '#planner/random.js';
import { initialValue } from '#planner/training/initialization.js';
import { writeComponent, writeJson } from '#planner/training/recipes/component-files.js';
import { allTensors } from '#planner/training/recipes/networks.js';
import { openBase } from '#planner/weights/model-folder.js';
import { readFloats } from '#planner/weights/safetensors.js';
import { fitNoiseEmbedding } from './grow/noise-embedding.mjs';
import { SetUpError, say } from './set-up.mjs';

const COPIED = ['image_encoder', 'text_encoder', 'tokenizer', 'feature_extractor'];

/** First values of a UNet with adapters, `{ shape, data }` by key. */
function firstValues(config, aid) {
  const graph = new Graph('grown');
  const frames = aid.dqformer.num_frames;
  const side = 2 ** config.block_out_channels.length;
  const tokens = [1, frames, conditionTokenCount(aid), aid.dqformer.dim];
  unet(
    new Scope(graph).at('unet'),
    {
      sample: graph.input('sample', 'float32', [1, frames, config.in_channels, side, side]),
      timestep: graph.input('timestep', 'float32', [1]),
      addedTimeIds: graph.input('added_time_ids', 'float32', [1, 3]),
      condition: tokensCondition(graph.input('tokens', 'float32', tokens)),
    },
    config,
    adapterConfigOf(aid),
  );
  const shapes = new Map([...graph.parameters].map(([key, { shape }]) => [key, shape]));
  const random = new Random(0);
  const first = ([key, shape]) => [
    key,
    { shape, data: initialValue(key, shape, random, (k) => shapes.get(k)) },
  ];
  return new Map([...shapes].map(first));
}

/** The key that a tensor has in the UNet without the finest of `levels` resolutions; undefined where it is of that. */
function innerKey(key, levels) {
  const [, side, number, rest] = /^unet\.(down|up)_blocks\.(\d+)\.(.*)$/.exec(key) ?? [];
  if (side === undefined) return key.startsWith('unet.mid_block.') ? key : undefined;
  const level = side === 'down' ? Number(number) - 1 : Number(number);
  return level < 0 || level >= levels - 1 ? undefined : `unet.${side}_blocks.${level}.${rest}`;
}

/** Copies the first `channels` input channels: of a convolution's dimension 1, of a norm's only one. */
function keepLeading(source, { shape, data }, channels) {
  const rows = shape.length === 1 ? 1 : shape[0];
  const columns = shape.length === 1 ? shape[0] : shape[1];
  const [from, to] = [source.data.length / rows, data.length / rows];
  const kept = (channels * to) / columns;
  for (let row = 0; row < rows; row++)
    data.set(source.data.subarray(row * from, row * from + kept), row * to);
}

/** Puts the old values in. Returns how many numbers were kept and fitted, and how far the worst fit is off. */
function carryOver(old, grown, config, project) {
  const levels = config.block_out_channels.length;
  const [, channels] = config.block_out_channels;
  const report = { kept: 0, fitted: 0, worst: 0 };
  for (const [key, tensor] of grown) {
    const from = innerKey(key, levels);
    const source = from === undefined ? undefined : old.get(from);
    if (source === undefined) continue;
    if (key.includes('time_emb_proj.')) {
      report.fitted += tensor.data.length;
      if (!key.endsWith('.weight')) continue;
      const [oldLayer, layer] = [from, key].map((name) => name.replace(/\.weight$/, ''));
      report.worst = Math.max(report.worst, project(oldLayer, layer));
    } else if (source.shape.join() === tensor.shape.join()) {
      tensor.data.set(source.data);
      report.kept += tensor.data.length;
    } else if (key.startsWith(`unet.up_blocks.${levels - 2}.`)) {
      // In the last block before the finest resolution what comes from below is as it was; the skip connection is not.
      keepLeading(source, tensor, channels);
      report.kept += tensor.data.length;
    }
  }
  return report;
}

async function write(folder, { base, autoencoder, old, grown, unetFile, aidRecipe }) {
  for (const part of COPIED)
    cpSync(base.folder(part), join(folder, part), { recursive: true, dereference: true });
  cpSync(autoencoder.folder('vae'), join(folder, 'vae'), { recursive: true, dereference: true });
  const backbone = new Map([...grown].filter(([key]) => !key.includes('_adapter.')));
  await writeComponent(join(folder, 'unet'), 'unet', backbone, unetFile);
  const own = [...[...old].filter(([key]) => key.startsWith('dqformer.')), ...grown]
    .filter(([key]) => ADAPTED_KEYS.test(key))
    .map(([key, tensor]) => [`aid.${key}`, tensor]);
  await writeComponent(join(folder, 'aid'), 'aid', new Map(own), aidRecipe.aid, 'model.safetensors');
  const words = join(base.folder('aid'), 'words.json');
  if (existsSync(words)) cpSync(words, join(folder, 'aid', 'words.json'));
  await writeJson(join(folder, 'model_index.json'), {
    _class_name: 'AidPipeline',
    aid: { numFrames: aidRecipe.numFrames },
  });
}

async function main({ model, autoencoder, unet: unetPath, aid: aidPath, out }) {
  if (existsSync(out)) throw new SetUpError(`${out} is there already`);
  const [unetRecipe, aidRecipe] = [unetPath, aidPath].map(
    (path) => JSON.parse(readFileSync(path, 'utf8')).recipe,
  );
  const base = openBase(model);
  const old = new Map(
    [...allTensors(base)].map(([key, stored]) => [key, { shape: stored.shape, data: readFloats(stored) }]),
  );
  const oldConfig = unetConfig.parse(base.component('unet').config);
  const config = unetConfig.parse(unetRecipe.unet);
  const aid = aidConfig.parse(aidRecipe.aid);
  const grown = firstValues(config, aid);
  const { frames_per_second: framesPerSecond, motion_bucket_id, noise_augmentation } = aid.video;
  const project = fitNoiseEmbedding({
    old,
    grown,
    oldConfig,
    config,
    timeIds: [framesPerSecond - 1, motion_bucket_id, noise_augmentation],
    // A thing is seen in so many more numbers, and their mean hides as well with noise larger by the root of that.
    shift: 0.5 * Math.log((4 * config.out_channels) / oldConfig.out_channels),
  });
  const { kept, fitted, worst } = carryOver(old, grown, config, project);

  mkdirSync(dirname(out), { recursive: true });
  const unetFile = { _class_name: 'UNetSpatioTemporalConditionModel', ...unetRecipe.unet };
  const scratch = `${out}.part`;
  await write(scratch, { base, autoencoder: openBase(autoencoder), old, grown, unetFile, aidRecipe });
  renameSync(scratch, out);
  const total = [...grown.values()].reduce((sum, { data }) => sum + data.length, 0);
  say(
    `${out}: of the UNet's ${total} numbers ${kept} are kept and ${fitted} fitted, to ${worst.toPrecision(2)} of how they vary`,
  );
}

const OPTIONS = ['model', 'autoencoder', 'unet', 'aid', 'out'];

try {
  const { values } = parseArgs({
    options: Object.fromEntries(OPTIONS.map((name) => [name, { type: 'string' }])),
  });
  const missing = OPTIONS.find((name) => values[name] === undefined);
  if (missing !== undefined) throw new SetUpError(`--${missing} is missing`);
  await main(values);
} catch (error) {
  if (!(error instanceof SetUpError) && !AidError.isInstance(error)) throw error;
  process.stderr.write(`grow: ${error.message}\n`);
  process.exitCode = 1;
}
