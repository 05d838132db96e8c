import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { AidError } from '#planner/errors.js';
import { readSafetensors } from '#planner/weights/safetensors.js';
import {
  bag,
  breakTensor,
  hashes,
  logged,
  loggedSteps,
  modelTensors,
  numbersOf,
  ofKind,
  putBags,
  RECIPES,
  runConfig,
  temporaryFolder,
  writeConfig,
} from './tiny-runs.js';

const script = fileURLToPath(new URL('killed-run.mjs', import.meta.url));
const dist = fileURLToPath(new URL('../../../dist', import.meta.url));

/** Runs the config in a process that is killed when that event of that step comes. */
function runUntilKilled(file: string, event: 'step' | 'checkpoint', step: number): void {
  const { signal, stderr } = spawnSync(process.execPath, [script, dist, file, event, String(step)], {
    encoding: 'utf8',
  });
  expect(signal, stderr).toBe('SIGKILL');
}

describe('an autoencoder run', () => {
  it('learns one clip by heart: the squared error falls to less than a thirtieth', async () => {
    const folder = temporaryFolder();
    putBags(folder, ['good/episode-0']);
    const recipe = { framesPerEpisode: 2, clipsPerRun: 1, divergenceWeight: 0, absoluteErrorWeight: 0 };
    const learningRate = { peak: 0.005, warmupSteps: 5, decay: 'cosine' };
    const steps = ofKind(
      await runConfig(
        writeConfig(folder, 'autoencoder', { steps: 80, learningRate, averageDecay: 0 }, recipe),
      ),
      'step',
    );
    const [first, last] = [steps[0], steps.at(-1)];
    expect(last?.loss).toBeLessThan((first?.loss ?? 0) / 30);
    expect(last?.measures.meanSquaredError).toBeCloseTo(last?.loss ?? 0, 6);
  });

  it('saves its moving average, with a scaling factor that makes latents of deviation 1', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    // The last save comes one step after the one before: its scaling factor is still that of many steps.
    const changes = { steps: 9, checkpointEverySteps: 4 };
    const steps = ofKind(await runConfig(writeConfig(folder, 'autoencoder', changes)), 'step');
    const saved = JSON.parse(readFileSync(join(folder, 'autoencoder/model/vae/config.json'), 'utf8')) as {
      scaling_factor: number;
    };
    const recent = steps.map(({ measures }) => measures.latentPower ?? 0);
    const power = recent.reduce((sum, value) => sum + value, 0) / recent.length;
    expect(saved.scaling_factor).toBeCloseTo(1 / Math.sqrt(power), 4);
    const tensors = modelTensors(join(folder, 'autoencoder/model'));
    expect(tensors.size).toBeGreaterThan(50);
    for (const [key, { type, values }] of tensors) {
      expect(type, key).toBe('F16');
      expect(values.every(Number.isFinite), key).toBe(true);
    }
  });

  it('that is killed and run again has exactly the losses of one that was not killed', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    const changes = { steps: 12, checkpointEverySteps: 4, runsPerStep: 2 };
    const whole = writeConfig(folder, 'autoencoder', { ...changes, output: 'whole' });
    const killed = writeConfig(folder, 'autoencoder', { ...changes, output: 'killed' });
    await runConfig(whole);
    // Before the first checkpoint, right after one, between two.
    runUntilKilled(killed, 'step', 3);
    expect(loggedSteps(join(folder, 'killed'))).toHaveLength(3);
    runUntilKilled(killed, 'checkpoint', 8);
    runUntilKilled(killed, 'step', 10);
    const events = await runConfig(killed);
    expect(ofKind(events, 'start')[0]?.step).toBe(8);
    expect(ofKind(events, 'warning')).toEqual([]);
    const steps = loggedSteps(join(folder, 'whole'));
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(loggedSteps(join(folder, 'killed'))).toEqual(steps);
    const { 'config.json': _config, 'log.jsonl': _log, ...files } = hashes(join(folder, 'whole'));
    expect(hashes(join(folder, 'killed'))).toMatchObject(files);
  });

  it('that is aborted keeps its last step, and goes on to the same numbers and the same model', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    const whole = writeConfig(folder, 'autoencoder', { output: 'whole' });
    const stopped = writeConfig(folder, 'autoencoder', { output: 'stopped' });
    await runConfig(whole);
    for (const last of [2, 5, 7]) {
      const controller = new AbortController();
      const stop = runConfig(
        stopped,
        (event) => {
          if (event.kind === 'step' && event.step === last) controller.abort();
        },
        controller.signal,
      );
      await expect(stop).rejects.toMatchObject({
        code: 'aborted',
        message: `stopped after step ${last}, which ${join(folder, 'stopped/checkpoint.safetensors')} holds`,
      });
      expect(loggedSteps(join(folder, 'stopped'))).toHaveLength(last);
      expect(readSafetensors(join(folder, 'stopped/checkpoint.safetensors')).metadata.step).toBe(
        String(last),
      );
    }
    await runConfig(stopped);
    expect(loggedSteps(join(folder, 'stopped'))).toEqual(loggedSteps(join(folder, 'whole')));
    expect(hashes(join(folder, 'stopped/model'))).toEqual(hashes(join(folder, 'whole/model')));
  });

  it('that is done does nothing but say so', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    const file = writeConfig(folder, 'autoencoder', { steps: 2 });
    await runConfig(file);
    const log = readFileSync(join(folder, 'autoencoder/log.jsonl'));
    expect((await runConfig(file)).map(({ kind }) => kind)).toEqual(['start', 'end']);
    expect(readFileSync(join(folder, 'autoencoder/log.jsonl'))).toEqual(log);
  });

  it('of another config in the same folder is refused before anything is touched', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    await runConfig(writeConfig(folder, 'autoencoder', { steps: 2 }));
    const checkpoint = join(folder, 'autoencoder/checkpoint.safetensors');
    const before = hashes(join(folder, 'autoencoder'));
    const file = writeConfig(folder, 'autoencoder', { steps: 2, seed: 5 });
    await expect(runConfig(file)).rejects.toThrow(
      `${checkpoint}: belongs to a run with another config; choose another output folder, or delete it to start again`,
    );
    expect(hashes(join(folder, 'autoencoder'))).toEqual(before);
    // Deleted, the run starts again and so does its log.
    rmSync(checkpoint);
    await runConfig(file);
    expect(loggedSteps(join(folder, 'autoencoder')).map(({ step }) => step)).toEqual([1, 2]);
  });

  it('skips what it cannot read, tells each once, and goes on the same after an interruption', async () => {
    const folder = temporaryFolder();
    putBags(folder, ['good/episode-0', 'broken/truncated', 'broken/no-instruction', 'broken/corrupt-jpeg']);
    const whole = writeConfig(folder, 'autoencoder', { output: 'whole', steps: 12 });
    const killed = writeConfig(folder, 'autoencoder', { output: 'killed', steps: 12 });
    const skipped = ofKind(await runConfig(whole), 'skipped');
    expect(skipped.map(({ name }) => basename(name)).sort()).toEqual([
      'corrupt-jpeg.mcap',
      'no-instruction.mcap',
      'truncated.mcap',
    ]);
    for (const { name, reason } of skipped) expect(reason.startsWith(`${name}: `)).toBe(true);
    expect(logged(join(folder, 'whole')).filter(({ kind }) => kind === 'skipped')).toEqual(skipped);
    runUntilKilled(killed, 'step', 10);
    await runConfig(killed);
    expect(loggedSteps(join(folder, 'killed'))).toEqual(loggedSteps(join(folder, 'whole')));
  });

  it('ends with an error when there is nothing that it can read', async () => {
    const folder = temporaryFolder();
    const bags = putBags(folder, ['broken/truncated', 'broken/no-images']);
    await expect(runConfig(writeConfig(folder, 'autoencoder'))).rejects.toThrow(
      new RegExp(`^${bags}: no episode could be read, 200 times in a row; ${bags}/`),
    );
    expect(existsSync(join(folder, 'autoencoder/checkpoint.safetensors'))).toBe(false);
  });

  it('whose folder of bags is another one now goes on, and says so', async () => {
    const folder = temporaryFolder();
    const bags = putBags(folder);
    const file = writeConfig(folder, 'autoencoder');
    const controller = new AbortController();
    const stop = (step: number) => (event: { kind: string; step?: number }) => {
      if (event.kind === 'step' && event.step === step) controller.abort();
    };
    await expect(runConfig(file, stop(5), controller.signal)).rejects.toMatchObject({ code: 'aborted' });
    copyFileSync(bag('others/zstd'), join(bags, 'more.mcap'));
    const [warning, ...more] = ofKind(await runConfig(file), 'warning');
    expect(warning?.message).toMatch(
      /^bags: 4 bags \(\w+\) until step 5, 5 bags \(\w+\) now; the losses will differ from those of a run that was not stopped$/,
    );
    expect(more).toEqual([]);
    expect(logged(join(folder, 'autoencoder')).map(({ kind }) => kind)).toEqual([
      ...Array(5).fill('step'),
      'warning',
      ...Array(3).fill('step'),
    ]);
    // Told once: from here on the new folder is what the run has.
    expect(ofKind(await runConfig(file), 'warning')).toEqual([]);
  });

  it('trains further from the autoencoder of a model folder', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    const first = ofKind(await runConfig(writeConfig(folder, 'autoencoder', { steps: 30 })), 'step');
    const start = { start: 'autoencoder/model' };
    const [next] = ofKind(
      await runConfig(writeConfig(folder, 'autoencoder', { output: 'next' }, start)),
      'step',
    );
    expect(next?.loss).toBeLessThan((first[0]?.loss ?? 0) * 0.7);
  });

  it('of the decoder alone leaves encoder, scaling factor and every other network of its start as they are', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    await runConfig(writeConfig(folder, 'autoencoder', { steps: 3 }));
    await runConfig(writeConfig(folder, 'backbone', { steps: 1 }));
    const before = hashes(join(folder, 'backbone/model'));
    // The network is that of the start where a config does not say it again.
    const wanted = { start: 'backbone/model', train: 'decoder', vae: undefined };
    const steps = ofKind(
      await runConfig(writeConfig(folder, 'autoencoder', { output: 'decoder', steps: 12 }, wanted)),
      'step',
    );
    expect(steps.at(-1)?.measures.latentPower).not.toBe(1);
    const changed = 'vae/diffusion_pytorch_model.safetensors';
    const { [changed]: _before, ...others } = before;
    const { [changed]: _after, ...kept } = hashes(join(folder, 'decoder/model'));
    expect(kept).toEqual(others);
    const [old, trained] = ['backbone', 'decoder'].map((name) => modelTensors(join(folder, name, 'model')));
    expect([...(trained?.keys() ?? [])]).toEqual([...(old?.keys() ?? [])]);
    const differing = [...(trained ?? [])].filter(
      ([key, { values }]) => values.join() !== old?.get(key)?.values.join(),
    );
    expect(differing.length).toBeGreaterThan(20);
    for (const [key] of differing) expect(key).toMatch(/^vae\.decoder\./);
  });

  it('is refused with another network than its start has, in what shapes do not show, too', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    await runConfig(writeConfig(folder, 'autoencoder', { steps: 1 }));
    const refused = (recipe: Record<string, unknown>, message: RegExp) =>
      expect(
        runConfig(writeConfig(folder, 'autoencoder', { output: 'refused' }, recipe)),
      ).rejects.toMatchObject({
        code: expect.stringMatching(/^invalid-/),
        message: expect.stringMatching(message),
      });
    const vae = { ...RECIPES.autoencoder.vae, norm_num_groups: 4, scaling_factor: 3 };
    const start = 'autoencoder/model';
    for (const train of ['all', 'decoder'])
      await refused(
        { start, train, vae },
        /^vae\.norm_num_groups: expected 32, with which .*model was trained, got 4$/,
      );
    await refused(
      { start: 'bags' },
      /^start: expected a model folder with an autoencoder in vae\/, got .*bags$/,
    );
    await refused({ vae: undefined }, /^vae: expected the config of an autoencoder where there is no start$/);
    breakTensor(join(folder, start, 'vae/diffusion_pytorch_model.safetensors'), 'encoder.conv_in.weight');
    await refused({ start }, /vae\/.*: vae\.encoder\.conv_in\.weight holds a number that is not finite$/);
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });

  it('of the decoder alone needs an autoencoder to start from', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    await expect(runConfig(writeConfig(folder, 'autoencoder', {}, { train: 'decoder' }))).rejects.toThrow(
      'train: expected an autoencoder in start to train the decoder of, got no start',
    );
  });

  it.each([
    [
      'whose loss does not stay finite',
      2000,
      /^step 4: the loss is Infinity and the gradient's norm .*, expected finite/,
    ],
    ['whose numbers outgrow the model file', 20, /^step 2\d: vae\.[\w.]+ has grown beyond half precision/],
  ])('%s ends with an error, and the last checkpoint and model stay', async (_, growth, message) => {
    const folder = temporaryFolder();
    putBags(folder);
    // The learning rate grows until that happens.
    const learningRate = { peak: 40 * growth, warmupSteps: 40, decay: 'none' };
    const file = writeConfig(folder, 'autoencoder', { steps: 40, learningRate, checkpointEverySteps: 2 });
    let kept: Record<string, string> = {};
    let last = 0;
    const error = await runConfig(file, (event) => {
      if (event.kind !== 'checkpoint') return;
      kept = hashes(join(folder, 'autoencoder'));
      last = event.step;
    }).catch((cause: AidError) => cause);
    expect(error).toMatchObject({ code: 'engine-failed' });
    expect((error as AidError).message).toMatch(message);
    expect((error as AidError).message).toContain(
      `; the checkpoint of step ${last} and its model stay as they are; lower the learning rate, in another output folder`,
    );
    expect(last).toBeGreaterThan(0);
    const { 'log.jsonl': _log, ...files } = kept;
    expect(hashes(join(folder, 'autoencoder'))).toMatchObject(files);
    expect(Object.keys(hashes(join(folder, 'autoencoder')))).toEqual(Object.keys(kept));
    for (const { values } of modelTensors(join(folder, 'autoencoder/model')).values())
      expect(values.every(Number.isFinite)).toBe(true);
    expect(loggedSteps(join(folder, 'autoencoder')).every(({ loss }) => Number.isFinite(loss))).toBe(true);
  });

  it('whose loss explodes ends with an error, and the last good checkpoint and model stay', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    const learningRate = { peak: 40, warmupSteps: 100, decay: 'none' };
    const file = writeConfig(folder, 'autoencoder', { steps: 100, learningRate, checkpointEverySteps: 4 });
    let kept: Record<string, string> = {};
    const error = await runConfig(file, (event) => {
      if (event.kind === 'checkpoint') kept = hashes(join(folder, 'autoencoder'));
    }).catch((cause: AidError) => cause);
    expect(error).toMatchObject({
      code: 'engine-failed',
      message: expect.stringMatching(
        /^step \d+: the loss is \S+ where it began with \S+; the checkpoint of step \d+ and its model stay/,
      ),
    });
    const { 'log.jsonl': _log, ...files } = kept;
    expect(hashes(join(folder, 'autoencoder'))).toMatchObject(files);
  });

  it('is refused where a model of someone else lies, which stays', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    const theirs = join(folder, 'autoencoder/models/aid-mini/config.json');
    mkdirSync(join(theirs, '..'), { recursive: true });
    writeFileSync(theirs, '{}');
    await expect(runConfig(writeConfig(folder, 'autoencoder'))).rejects.toMatchObject({
      code: 'invalid-config',
    });
    expect(Object.keys(hashes(join(folder, 'autoencoder')))).toEqual(['models/aid-mini/config.json']);
  });

  it('keeps its output folder to itself', async () => {
    const folder = temporaryFolder();
    putBags(folder);
    const file = writeConfig(folder, 'autoencoder', { steps: 3, checkpointEverySteps: 1 });
    let refused: unknown;
    await runConfig(file, async (event) => {
      if (event.kind !== 'checkpoint' || event.step !== 1) return;
      refused = await runConfig(file).catch((cause: AidError) => cause);
    });
    expect(refused).toMatchObject({
      code: 'io-failed',
      message: expect.stringMatching(`autoencoder: in use by process ${process.pid} since `),
    });
    expect(ofKind(await runConfig(file), 'end')).toEqual([{ kind: 'end', step: 3 }]);
    expect(existsSync(join(folder, 'autoencoder', '.lock'))).toBe(false);
  });

  it('averages the gradients of several runs into one step', async () => {
    const folder = temporaryFolder();
    putBags(folder, ['good/episode-0']);
    const one = writeConfig(folder, 'autoencoder', { output: 'one', steps: 1 });
    const two = writeConfig(folder, 'autoencoder', { output: 'two', steps: 1, runsPerStep: 2 });
    const [a] = ofKind(await runConfig(one), 'step');
    const [b] = ofKind(await runConfig(two), 'step');
    expect(numbersOf(b as never).loss).not.toBe(a?.loss);
    // Of one and the same episode the two halves are alike: so is their mean.
    expect(Math.abs((b?.gradientNorm ?? 0) / (a?.gradientNorm ?? 1) - 1)).toBeLessThan(0.2);
  });
});
