import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Frame } from '#planner/conditioning/frame.js';
import { readCachedClip } from '#planner/training/data/latent-cache.js';
import { VideoPlanner } from '#planner/video-planner.js';
import { readFloats, readSafetensorsHeader } from '#planner/weights/safetensors.js';
import { describeWithSamples, samples } from '../../support/samples.js';
import {
  breakTensor,
  hashes,
  logged,
  loggedSteps,
  modelTensors,
  ofKind,
  putBags,
  RECIPES,
  runConfig,
  sharedFolder,
  temporaryFolder,
  writeConfig,
} from './tiny-runs.js';

const ADAPTED = /^aid\.(dqformer\.|unet\..*(_adapter\.|\.attn2\.))/;
/** An autoencoder, a backbone and AID, each trained on the one before. */
let models: string;

beforeAll(async () => {
  models = sharedFolder();
  putBags(models);
  for (const name of ['autoencoder', 'backbone', 'adapt'] as const)
    await runConfig(writeConfig(models, name));
});

/** A folder with the models, for runs of its own. */
function copyOfModels(): string {
  const folder = temporaryFolder();
  for (const name of ['bags', 'autoencoder', 'backbone'])
    cpSync(join(models, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
  return folder;
}

/** Runs the config in a process that is killed when a file that ends so is about to take its place. */
function killedWhile(file: string, written: string): void {
  const kill = fileURLToPath(new URL('kill-before-rename.mjs', import.meta.url));
  const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
  const { signal, stderr } = spawnSync(process.execPath, ['--import', kill, main, 'train', file], {
    env: { ...process.env, KILL_BEFORE_RENAME: written },
    encoding: 'utf8',
  });
  expect(signal, stderr).toBe('SIGKILL');
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Leaves a run that can go on. */
async function stopAfterFirstStep(file: string): Promise<void> {
  const controller = new AbortController();
  const stop = runConfig(
    file,
    ({ kind }) => {
      if (kind === 'step') controller.abort();
    },
    controller.signal,
  );
  await expect(stop).rejects.toMatchObject({ code: 'aborted' });
}

describe('a backbone run', () => {
  it('learns one clip by heart: the loss at one noise level falls to less than a third', async () => {
    const folder = copyOfModels();
    rmSync(join(folder, 'bags'), { recursive: true });
    putBags(folder, ['good/episode-0']);
    const recipe = {
      sigma: { mean: 0, deviation: 0.01 },
      dropout: { text: 0, frame: 0, both: 0 },
      numFrames: 2,
      unet: { ...RECIPES.backbone.unet, num_frames: 2 },
    };
    const changes = { output: 'overfit', steps: 80, averageDecay: 0, checkpointEverySteps: 1000 };
    const learningRate = { peak: 0.01, warmupSteps: 10, decay: 'cosine' };
    const steps = ofKind(
      await runConfig(writeConfig(folder, 'backbone', { ...changes, learningRate }, recipe)),
      'step',
    );
    const losses = steps.map(({ loss }) => loss);
    expect(mean(losses.slice(-10))).toBeLessThan(mean(losses.slice(0, 5)) / 3);
  });

  it('saves the networks it trained, in half precision, beside the autoencoder as it was', () => {
    const model = join(models, 'backbone/model');
    const tensors = modelTensors(model);
    expect(new Set([...tensors.keys()].map((key) => key.split('.')[0]))).toEqual(
      new Set(['vae', 'unet', 'image_encoder']),
    );
    for (const [key, { type, values }] of tensors) {
      expect(type, key).toBe('F16');
      expect(values.every(Number.isFinite), key).toBe(true);
    }
    expect(hashes(join(model, 'vae'))).toEqual(hashes(join(models, 'autoencoder/model/vae')));
  });
});

describe('an adapt run', () => {
  it('trains DQFormer, adapters, attn2 and what its config lists, and nothing else', () => {
    const [backbone, adapted] = ['backbone', 'adapt'].map((name) =>
      modelTensors(join(models, name, 'model')),
    );
    const [before, after] = [backbone ?? new Map(), adapted ?? new Map()];
    const own = [...after.keys()].filter((key) => key.startsWith('aid.'));
    expect(own.every((key) => ADAPTED.test(key))).toBe(true);
    for (const part of [
      /\.spatial_adapter\./,
      /\.short_term_adapter\./,
      /\.long_term_adapter\./,
      /\.attn2\./,
      /dqformer/,
    ])
      expect(own.filter((key) => part.test(key)).length, String(part)).toBeGreaterThan(0);
    // Every attn2 of the backbone has its trained counterpart, and differs from it.
    for (const [key, { values }] of before) {
      if (!key.includes('.attn2.')) continue;
      const trained = after.get(`aid.${key}`);
      // A bias that starts at zero and is only reached through zeros moves later; weights move at once.
      if (key.endsWith('to_out.0.weight') || key.endsWith('to_v.weight'))
        expect(trained?.values, key).not.toEqual(values);
      expect(trained?.values.length, key).toBe(values.length);
    }
    for (const name of ['unet', 'vae', 'image_encoder'])
      expect(hashes(join(models, 'adapt/model', name)), name).toEqual(
        hashes(join(models, 'backbone/model', name)),
      );
    expect(
      own.filter((key) => /_adapter\.up\.weight/.test(key) && after.get(key)?.values.some(Boolean)).length,
    ).toBe(own.filter((key) => /_adapter\.up\.weight/.test(key)).length);
    expect([...after.keys()].some((key) => key.startsWith('text_encoder.'))).toBe(true);
  });

  it('keeps in its checkpoint what is trained and only that', () => {
    const keys = [...readSafetensorsHeader(join(models, 'adapt/checkpoint.safetensors')).keys()];
    const trained = keys.filter((key) => key.startsWith('data/')).map((key) => key.slice('data/'.length));
    expect(trained.filter((key) => !ADAPTED.test(`aid.${key}`) && !key.startsWith('text_encoder.'))).toEqual(
      [],
    );
    expect(trained.some((key) => key.startsWith('text_encoder.'))).toBe(true);
    expect(keys.length).toBe(4 * trained.length);
  });

  it('starts as the backbone: its adapters add nothing before the first step', async () => {
    // The first loss, and every gradient but the adapters' own, are those of a network without adapters.
    const folder = copyOfModels();
    const without = {
      ...RECIPES.adapt.aid,
      adapters: { reduction: 2, heads: 2, spatial: false, short_term: false, long_term: false },
    };
    const [a] = ofKind(await runConfig(writeConfig(folder, 'adapt', { output: 'with', steps: 1 })), 'step');
    const [b] = ofKind(
      await runConfig(writeConfig(folder, 'adapt', { output: 'without', steps: 1 }, { aid: without })),
      'step',
    );
    expect(b?.loss).toBeCloseTo(a?.loss ?? 0, 6);
    const ups = [...readSafetensorsHeader(join(folder, 'with/checkpoint.safetensors'))].filter(([key]) =>
      /^m\/.*_adapter\.up\.weight/.test(key),
    );
    expect(ups.length).toBeGreaterThan(5);
    // They do learn from the first step on.
    expect(ups.every(([, stored]) => readFloats(stored).some((value) => value !== 0))).toBe(true);
    const downs = [...readSafetensorsHeader(join(folder, 'with/checkpoint.safetensors'))].filter(([key]) =>
      /^m\/.*_adapter\.down\.weight/.test(key),
    );
    expect(downs.every(([, stored]) => readFloats(stored).every((value) => value === 0))).toBe(true);
  });

  it('saves a model folder that the planner imagines with', async () => {
    const planner = await VideoPlanner.load(join(models, 'adapt/model'), { provider: 'cpu', threads: 1 });
    onTestFinished(() => planner.dispose());
    const frame: Frame = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3).fill(120) };
    const request = { frames: [frame], instruction: 'put the red cube on the blue plate', seed: 1 };
    for await (const event of planner.imagine(request)) {
      if (event.kind !== 'end') continue;
      expect(event.frames.map(({ width, height }) => [width, height])).toEqual(Array(3).fill([32, 32]));
      expect(event.report.warnings).toEqual([]);
    }
    for (const [key, { type }] of modelTensors(join(models, 'adapt/model'))) expect(type, key).toBe('F16');
  });

  it('lists the words that it was trained on: what its tokenizer knows besides gives a warning', async () => {
    const model = join(models, 'adapt/model');
    const { words } = JSON.parse(readFileSync(join(model, 'aid/words.json'), 'utf8')) as { words: string[] };
    // Of the commands, and of the states that the template makes of them.
    for (const word of ['put', 'green', 'plate', 'left', 'arm', 'holds', 'further'])
      expect(words).toContain(word);
    expect(words).toEqual([...new Set(words)].sort());
    const planner = await VideoPlanner.load(model, { provider: 'cpu', threads: 1 });
    onTestFinished(() => planner.dispose());
    const frame: Frame = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3).fill(120) };
    expect(RECIPES.adapt.words).toContain('open');
    for await (const event of planner.imagine({ frames: [frame], instruction: 'Open the red CUBE', seed: 1 }))
      if (event.kind === 'end')
        expect(event.report.warnings[0]).toBe('words that the model was never trained on: open');
  });

  it('that is killed and run again has exactly the losses of one that was not killed', async () => {
    const folder = copyOfModels();
    const optimizer = { name: 'muon' };
    const whole = writeConfig(folder, 'adapt', { output: 'whole', optimizer });
    const killed = writeConfig(folder, 'adapt', { output: 'killed', optimizer });
    await runConfig(whole);
    const script = fileURLToPath(new URL('killed-run.mjs', import.meta.url));
    const dist = fileURLToPath(new URL('../../../dist', import.meta.url));
    const { signal } = spawnSync(process.execPath, [script, dist, killed, 'step', '6']);
    expect(signal).toBe('SIGKILL');
    const events = await runConfig(killed);
    expect(ofKind(events, 'start')[0]?.step).toBe(4);
    expect(ofKind(events, 'warning')).toEqual([]);
    expect(loggedSteps(join(folder, 'killed'))).toEqual(loggedSteps(join(folder, 'whole')));
    expect(hashes(join(folder, 'killed/model'))).toEqual(hashes(join(folder, 'whole/model')));
  });

  it('whose base is another one when it goes on says so', async () => {
    const folder = copyOfModels();
    const file = writeConfig(folder, 'adapt');
    await stopAfterFirstStep(file);
    const unet = join(folder, 'backbone/model/unet/diffusion_pytorch_model.safetensors');
    const { offset = 0 } = readSafetensorsHeader(unet).get('conv_in.weight') ?? {};
    const bytes = readFileSync(unet);
    bytes.writeUInt8(bytes.readUInt8(offset) ^ 1, offset);
    writeFileSync(unet, bytes);
    const preprocessor = join(folder, 'backbone/model/feature_extractor/preprocessor_config.json');
    writeFileSync(preprocessor, readFileSync(preprocessor, 'utf8').replace('CLIPImageProcessor', 'Other'));
    expect(ofKind(await runConfig(file), 'warning').map(({ message }) => message)).toEqual([
      expect.stringMatching(/^frozen weights: \w+ until step 1, \w+ now; the losses will differ/),
      expect.stringMatching(/^base: \w+ until step 1, \w+ now; the losses will differ/),
    ]);
  });

  it('goes on where its whole project was moved to, and says that it has other threads', async () => {
    const folder = copyOfModels();
    const file = writeConfig(folder, 'adapt');
    await stopAfterFirstStep(file);
    const moved = join(temporaryFolder(), 'moved');
    renameSync(folder, moved);
    const events = await runConfig(join(moved, 'adapt.json'), undefined, undefined, 2);
    expect(ofKind(events, 'start')[0]?.step).toBe(1);
    expect(ofKind(events, 'warning').map(({ message }) => message)).toEqual([
      expect.stringMatching(/^threads: 1 until step 1, 2 now; the losses will differ/),
    ]);
  });

  it('says that the commands are others, also where no file has another size', async () => {
    const folder = copyOfModels();
    const file = writeConfig(folder, 'adapt', { steps: 1 });
    await runConfig(file);
    const path = join(folder, 'bags/episode-0.mcap');
    const text = readFileSync(path, 'latin1');
    expect(text).toContain('put the red cube');
    writeFileSync(path, text.replaceAll('put the red cube', 'put the tan cube'), 'latin1');
    const events = await runConfig(file);
    expect(ofKind(events, 'warning').map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^instructions: \w+ until step 1, \w+ now/),
    );
  });

  it('keeps latents where its config says, and nothing in the folder of the data', async () => {
    const folder = copyOfModels();
    rmSync(join(folder, 'bags/.latents'), { recursive: true });
    cpSync(join(folder, 'bags'), join(folder, 'others/bags'), { recursive: true });
    for (const bags of ['bags', 'others/bags'])
      await runConfig(
        writeConfig(folder, 'backbone', { output: 'kept', steps: 1 }, { data: { bags }, latents: 'latents' }),
      ).finally(() => rmSync(join(folder, 'kept'), { recursive: true }));
    expect(readdirSync(join(folder, 'latents'))).toHaveLength(2);
    for (const bags of ['bags', 'others/bags'])
      expect(readdirSync(join(folder, bags))).not.toContain('.latents');
  });

  it('trains the whole UNet, too, where its config says so', async () => {
    const folder = copyOfModels();
    const recipe = { train: ['text_encoder', 'unet', 'image_encoder'] };
    await runConfig(writeConfig(folder, 'adapt', { steps: 1 }, recipe));
    const [before, after] = ['backbone', 'adapt'].map((name) => modelTensors(join(folder, name, 'model')));
    expect([...(after?.keys() ?? [])].filter((key) => !/^(aid|text_encoder)\./.test(key)).sort()).toEqual(
      [...(before?.keys() ?? [])].sort(),
    );
    expect(after?.get('unet.conv_in.weight')?.values).not.toEqual(before?.get('unet.conv_in.weight')?.values);
    const planner = await VideoPlanner.load(join(folder, 'adapt/model'), { provider: 'cpu', threads: 1 });
    await planner.dispose();
  });

  it('starts from a base that only points to where the networks lie', async () => {
    const folder = copyOfModels();
    mkdirSync(join(folder, 'pointer'));
    const index = { _class_name: 'AidPipeline', aid: { base: '../backbone/model' } };
    writeFileSync(join(folder, 'pointer/model_index.json'), JSON.stringify(index));
    const recipe = { base: 'pointer' };
    await runConfig(writeConfig(folder, 'adapt', {}, recipe));
    expect(modelTensors(join(folder, 'adapt/model'))).toEqual(modelTensors(join(models, 'adapt/model')));
    await runConfig(writeConfig(folder, 'backbone', { output: 'further', steps: 1 }, recipe));
    const decoder = { start: 'pointer', train: 'decoder' };
    await runConfig(writeConfig(folder, 'autoencoder', { output: 'decoder', steps: 1 }, decoder));
    expect([...modelTensors(join(folder, 'decoder/model')).keys()].sort()).toEqual(
      [...modelTensors(join(folder, 'backbone/model')).keys()].sort(),
    );
  });

  it('writes what it does not train once, and saves its model as a whole, also when it is killed', async () => {
    const folder = copyOfModels();
    const model = join(folder, 'adapt/model');
    const recipe = { train: ['text_encoder', 'unet'] };
    const file = writeConfig(folder, 'adapt', { steps: 4, checkpointEverySteps: 1 }, recipe);
    const frozen = new Set<bigint>();
    const saved: Record<string, string>[] = [];
    const controller = new AbortController();
    const stopped = runConfig(
      file,
      ({ kind, step }: { kind: string; step?: number }) => {
        if (kind !== 'checkpoint') return;
        frozen.add(statSync(join(model, 'vae/config.json'), { bigint: true }).ino);
        saved.push(hashes(model));
        if (step === 2) controller.abort();
      },
      controller.signal,
    );
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
    expect(frozen.size).toBe(1);
    expect(saved[1]?.['unet/diffusion_pytorch_model.safetensors']).not.toBe(
      saved[0]?.['unet/diffusion_pytorch_model.safetensors'],
    );
    // Killed when the UNet of the next save is on the disk and the rest is not.
    killedWhile(file, 'unet/config.json');
    expect(hashes(model)).toEqual(saved[1]);
    const planner = await VideoPlanner.load(model, { provider: 'cpu', threads: 1 });
    await planner.dispose();
    await runConfig(file);
    await runConfig(writeConfig(folder, 'adapt', { output: 'whole', steps: 4 }, recipe));
    expect(hashes(model)).toEqual(hashes(join(folder, 'whole/model')));
  });

  it('names its base in the model where its config says so, and copies nothing', async () => {
    const folder = copyOfModels();
    await runConfig(writeConfig(folder, 'adapt', {}, { frozenParts: 'reference' }));
    const model = join(folder, 'adapt/model');
    expect(readdirSync(model).sort()).toEqual(['aid', 'model_index.json', 'text_encoder', 'tokenizer']);
    expect(JSON.parse(readFileSync(join(model, 'model_index.json'), 'utf8'))).toEqual({
      _class_name: 'AidPipeline',
      aid: { numFrames: 3, base: realpathSync(join(folder, 'backbone/model')) },
    });
    const planners = [];
    for (const path of [model, join(models, 'adapt/model')])
      planners.push(await VideoPlanner.load(path, { provider: 'cpu', threads: 1 }));
    for (const planner of planners) await planner.dispose();
    expect(planners[0]?.sha256).toBe(planners[1]?.sha256);
  });

  it('warns once of texts that it does not read whole, and of words that its tokenizer has not', async () => {
    const folder = copyOfModels();
    const words = RECIPES.adapt.words.filter((word) => word !== 'yellow');
    const aid = { ...RECIPES.adapt.aid, text_length: 10 };
    const file = writeConfig(folder, 'adapt', { steps: 2 }, { words, aid });
    const events = await runConfig(file);
    const [warning, ...more] = ofKind(events, 'warning');
    expect(more).toEqual([]);
    expect(warning?.message).toMatch(
      /^\d of 4 clips have an instruction or a state text of more than 10 tokens, whose end is not read, such as ".*"; words that are not in the tokenizer's list, and in how many clips: yellow \(1\)$/,
    );
    expect(logged(join(folder, 'adapt')).filter(({ kind }) => kind === 'warning')).toEqual([warning]);
    expect(ofKind(events, 'step')).toHaveLength(2);
  });

  it('can be adapted again: what it has is where it starts from', async () => {
    const folder = copyOfModels();
    cpSync(join(models, 'adapt'), join(folder, 'adapt'), { recursive: true, verbatimSymlinks: true });
    const { words: _words, text_encoder: _text, ...rest } = RECIPES.adapt;
    const changes = {
      output: 'again',
      steps: 1,
      learningRate: { peak: 1e-9, warmupSteps: 0 },
      averageDecay: 0,
    };
    const file = writeConfig(folder, 'adapt', changes);
    const config = JSON.parse(readFileSync(file, 'utf8')) as { recipe: unknown };
    config.recipe = { ...rest, base: 'adapt/model' };
    writeFileSync(file, JSON.stringify(config));
    rmSync(join(folder, 'bags'), { recursive: true });
    putBags(folder, ['good/episode-1']);
    await runConfig(file);
    const [before, after] = ['adapt', 'again'].map((name) => modelTensors(join(folder, name, 'model')));
    // The words that it was trained on before are not forgotten.
    const [old, words] = ['adapt', 'again'].map((name) =>
      readFileSync(join(folder, name, 'model/aid/words.json'), 'utf8'),
    );
    expect(words).toBe(old);
    expect([...(after?.keys() ?? [])].sort()).toEqual([...(before?.keys() ?? [])].sort());
    for (const [key, { values }] of before ?? []) {
      const difference = values.map((value, i) =>
        Math.abs(value - (after?.get(key)?.values[i] ?? Number.NaN)),
      );
      expect(Math.max(...difference), key).toBeLessThan(1e-6);
    }
  });
});

it('a backbone that does not say how it was given its frames, as SVD, is adapted as the config says', async () => {
  const folder = copyOfModels();
  const file = join(folder, 'backbone/model/unet/config.json');
  const { aid, ...config } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  expect(aid).toEqual({ fill: 'repeat', data_mean: 'zero' });
  writeFileSync(file, JSON.stringify(config));
  const recipe = { aid: { ...RECIPES.adapt.aid, fill: 'zeros' } };
  await runConfig(writeConfig(folder, 'adapt', { steps: 1 }, recipe));
  // What was adapted so is adapted so again.
  const { words: _words, text_encoder: _text, ...again } = RECIPES.adapt;
  const other = writeConfig(folder, 'adapt', { output: 'again' });
  const json = JSON.parse(readFileSync(other, 'utf8')) as { recipe: unknown };
  json.recipe = { ...again, base: 'adapt/model' };
  writeFileSync(other, JSON.stringify(json));
  await expect(runConfig(other)).rejects.toThrow(/aid\.fill: expected zeros, with which /);
});

describe('what cannot be trained is refused before the first step', () => {
  const refused = async (
    name: 'backbone' | 'adapt',
    recipe: Record<string, unknown>,
    message: RegExp,
    prepare: (folder: string) => void = () => undefined,
  ): Promise<void> => {
    const folder = copyOfModels();
    rmSync(join(folder, 'bags/.latents'), { recursive: true });
    prepare(folder);
    const failed = runConfig(writeConfig(folder, name, { output: 'refused' }, recipe));
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toMatchObject({ code: expect.stringMatching(/^invalid-/) });
    expect(existsSync(join(folder, 'refused'))).toBe(false);
    // Nothing was encoded in vain.
    expect(existsSync(join(folder, 'bags/.latents'))).toBe(false);
  };
  const aid = RECIPES.adapt.aid;

  it.each([
    [
      'another size of video',
      { aid: { ...aid, video: { width: 64, height: 32 } } },
      /aid\.video: expected the frame's 32x32, got 64x32/,
    ],
    [
      'another number of frames a second than the model will be told',
      { framesPerSecond: 3 },
      /framesPerSecond: expected that of aid\.video, 7, got 3/,
    ],
    [
      'another motion bucket',
      { motionBucketId: 100 },
      /motionBucketId: expected that of aid\.video, 127, got 100/,
    ],
    [
      'another filling of the image latents than the backbone has',
      { aid: { ...aid, fill: 'zeros' } },
      /aid\.fill: expected repeat, with which .*backbone\/model was trained, got zeros/,
    ],
    [
      'another mean of the latents than the backbone has',
      { aid: { ...aid, data_mean: 'frame' } },
      /aid\.data_mean: expected zero, with which .*backbone\/model was trained, got frame/,
    ],
    ['another number of frames', { numFrames: 4 }, /aid\.dqformer\.num_frames: expected numFrames, 4, got 3/],
    [
      'states that no state prompter writes',
      { aid: { ...aid, num_states: 3 } },
      /aid\.num_states: expected the 4 of a state prompter, got 3/,
    ],
    [
      'noise on the given frame, which training does not add',
      { aid: { ...aid, video: { ...aid.video, noise_augmentation: 0.02 } } },
      /aid\.video\.noise_augmentation: expected 0, .*, got 0\.02/,
    ],
    [
      'a frozen text encoder that nobody trained',
      { train: [] },
      /train: .* has no text_encoder, expected it to be trained/,
    ],
    [
      'texts longer than the text encoder takes',
      { aid: { ...aid, text_length: 20 } },
      /aid\.text_length: expected at most the text encoder's 16, got 20/,
    ],
    ['a base that is none', { base: 'bags' }, /bags: expected a model folder with an autoencoder in vae\//],
    [
      'a frame that the autoencoder cannot take',
      { frame: { width: 36, height: 32 } },
      /frame: expected sides divisible by 8, got 36x32/,
    ],
  ] as const)('%s', (_, recipe, message) => refused('adapt', recipe as Record<string, unknown>, message));

  it('a base that lacks a tensor', () =>
    refused('adapt', {}, /^base: unet\.conv_in\.weight is missing$/, (folder) => {
      const file = join(folder, 'backbone/model/unet/diffusion_pytorch_model.safetensors');
      const bytes = readFileSync(file);
      const at = bytes.indexOf('"conv_in.weight"');
      bytes.write('"conv_in.wXight"', at);
      writeFileSync(file, bytes);
    }));

  const vae = 'backbone/model/vae/diffusion_pytorch_model.safetensors';

  it('a base whose autoencoder lacks a tensor', () =>
    refused(
      'adapt',
      {},
      /\/vae: 1 tensors missing: encoder\.conv_in\.weight .*; 1 tensors unexpected/,
      (folder) => {
        const bytes = readFileSync(join(folder, vae));
        bytes.write('"encoder.conv_in.wXight"', bytes.indexOf('"encoder.conv_in.weight"'));
        writeFileSync(join(folder, vae), bytes);
      },
    ));

  it.each([
    ['the autoencoder', vae, 'encoder.conv_in.weight'],
    ['the frozen network', 'backbone/model/unet/diffusion_pytorch_model.safetensors', 'conv_in.weight'],
  ])('a base with a number that is none in %s', (_, file, key) =>
    refused('adapt', {}, new RegExp(`${key} holds a number that is not finite$`), (folder) =>
      breakTensor(join(folder, file), key),
    ),
  );

  it('words beside a tokenizer', () =>
    refused('adapt', {}, /^words: .*tokenizer is there already$/, (folder) =>
      mkdirSync(join(folder, 'backbone/model/tokenizer')),
    ));

  it('a backbone with other heads, activations or preconditioning than its base has', () => {
    const { unet, image_encoder: vision } = RECIPES.backbone;
    const recipe = {
      base: 'backbone/model',
      unet: { ...unet, num_attention_heads: [2, 2], num_frames: 9 },
      image_encoder: { ...vision, hidden_act: 'quick_gelu' },
      data_mean: 'frame',
    };
    return refused(
      'backbone',
      recipe,
      /^unet\.num_attention_heads: expected \[1,2\], with which .*model was trained, got \[2,2\]; image_encoder\.hidden_act: expected gelu, .*, got quick_gelu; data_mean: expected zero, .*, got frame$/,
    );
  });

  it('other heads than what is adapted further has, unless it begins afresh', async () => {
    const { words: _words, text_encoder: _text, ...rest } = RECIPES.adapt;
    const heads = {
      ...aid,
      dqformer: { ...aid.dqformer, heads: 4 },
      adapters: { ...aid.adapters, heads: 1 },
    };
    const recipe = { base: 'adapt/model', words: undefined, text_encoder: undefined, aid: heads };
    const putAdapted = (folder: string): void =>
      cpSync(join(models, 'adapt'), join(folder, 'adapt'), { recursive: true, verbatimSymlinks: true });
    await refused(
      'adapt',
      recipe,
      /^aid\.dqformer\.heads: expected 2, with which .*model was trained, got 4; aid\.adapters\.heads: expected 2, .*, got 1$/,
      putAdapted,
    );
    const folder = copyOfModels();
    putAdapted(folder);
    rmSync(join(folder, 'bags'), { recursive: true });
    putBags(folder, ['good/episode-1']);
    const fresh = { ...rest, ...recipe, fresh: true };
    await runConfig(writeConfig(folder, 'adapt', { output: 'fresh', steps: 1 }, fresh));
    // The words of what it forgot are not among its own.
    const listed = readFileSync(join(folder, 'fresh/model/aid/words.json'), 'utf8');
    expect(listed).toContain('"ball"');
    expect(listed).not.toContain('"stack"');
  });

  it('bags of which none can be read', () =>
    refused(
      'backbone',
      {},
      /bags: none of 2 episodes could be read; .*empty\.mcap: could not be read as an MCAP bag/,
      (folder) => {
        rmSync(join(folder, 'bags'), { recursive: true });
        putBags(folder, ['broken/empty', 'broken/no-images']);
      },
    ));
});

it('tells which episodes a run leaves out', async () => {
  const folder = copyOfModels();
  putBags(folder, ['broken/corrupt-jpeg']);
  const events = await runConfig(
    writeConfig(folder, 'backbone', { output: 'some', steps: 1 }, { numFrames: 6 }),
  );
  expect(ofKind(events, 'skipped').map(({ reason }) => reason)).toEqual([
    expect.stringMatching(/bags\/corrupt-jpeg\.mcap: frame 3: /),
  ]);
  expect(ofKind(events, 'end')).toHaveLength(1);
});

it('trains with five given frames, and with one, two or five of them', async () => {
  const folder = copyOfModels();
  const unet = { ...RECIPES.backbone.unet, num_frames: 6 };
  for (const givenFrames of [5, [1, 2, 5]]) {
    const recipe = { numFrames: 6, unet, givenFrames };
    const events = await runConfig(writeConfig(folder, 'backbone', { output: 'five', steps: 3 }, recipe));
    expect(ofKind(events, 'step').every(({ loss }) => Number.isFinite(loss))).toBe(true);
    rmSync(join(folder, 'five'), { recursive: true });
  }
});

describeWithSamples("a run on others' recordings", () => {
  it('trains on every command of a bag, tells what it skips, and again when it goes on', async () => {
    const folder = copyOfModels();
    cpSync(samples('bags', 'broken', 'silent'), join(folder, 'own', 'silent'), { recursive: true });
    cpSync(samples('bags', 'compressed', 'sqlite'), join(folder, 'own', 'sqlite'), { recursive: true });
    const topics = { image: '/camera/color/compressed', instruction: '/task' };
    const recipe = { data: { bags: 'own', topics }, givenFrames: [1, 2] };
    const file = writeConfig(folder, 'adapt', { steps: 1 }, recipe);
    for (const _ of [1, 2]) {
      const events = await runConfig(file);
      expect(events.at(-1)).toMatchObject({ kind: 'end', step: 1 });
      expect(ofKind(events, 'skipped').map(({ reason }) => reason)).toEqual([
        expect.stringMatching(/silent: no instruction on \/task$/),
      ]);
    }
    const [cache = ''] = readdirSync(join(folder, 'own', '.latents'));
    const files = readdirSync(join(folder, 'own', '.latents', cache), { recursive: true, encoding: 'utf8' });
    const clips = files.filter((file) => file.endsWith('.safetensors')).sort();
    expect(clips).toEqual([
      expect.stringMatching(/^sqlite\.\w{8}\.episodes\/1\.safetensors$/),
      expect.stringMatching(/^sqlite\.\w{8}\.safetensors$/),
    ]);
    const said = clips.map(
      (file) => readCachedClip(join(folder, 'own', '.latents', cache, file)).instruction,
    );
    expect(said).toEqual(['push the green ball to the left', 'put the red cube on the plate']);
  });

  it.each([
    ['BridgeData V2', () => ({ bridge: samples('bridge') })],
    ['LeRobot', () => ({ lerobot: samples('lerobot', 'v3-image') })],
    [
      'videos',
      () => ({ videos: samples('videos', 'ucf'), captions: samples('videos', 'ucf', 'classes.json') }),
    ],
  ])('trains an autoencoder on %s', async (_, data) => {
    const folder = temporaryFolder();
    const [key, path] = Object.entries(data())[0] as [string, string];
    cpSync(path, join(folder, 'data'), { recursive: true });
    const file = writeConfig(folder, 'autoencoder', { steps: 2 }, { data: { ...data(), [key]: 'data' } });
    const events = await runConfig(file);
    expect(events.at(-1)).toMatchObject({ kind: 'end', step: 2 });
  });
});
