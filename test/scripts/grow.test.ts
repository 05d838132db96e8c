import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { VideoPlanner } from '#planner/video-planner.js';
import { readFloats, readSafetensorsHeader } from '#planner/weights/safetensors.js';
import { emptyFolder, run } from '../cli/run-aid.js';
import { tinyModel } from '../support/tiny-model.js';

const WEIGHTS = 'diffusion_pytorch_model.safetensors';
const grow = (args: readonly string[]) => run(process.execPath, ['scripts/grow.mjs', ...args]);

/** Arguments that give a tiny model's UNet of two resolutions a third one. */
async function growing(): Promise<{ model: string; out: string; args: string[] }> {
  const model = await tinyModel();
  const folder = emptyFolder();
  const json = (name: string) => JSON.parse(readFileSync(join(model, name, 'config.json'), 'utf8'));
  const cross = 'CrossAttnDownBlockSpatioTemporal';
  const unet = {
    ...json('unet'),
    down_block_types: ['DownBlockSpatioTemporal', cross, cross],
    up_block_types: [...json('unet').up_block_types, 'UpBlockSpatioTemporal'],
    block_out_channels: [32, 32, 32],
    num_attention_heads: [1, 1, 2],
  };
  const recipe = (name: string, value: object): string => {
    writeFileSync(join(folder, name), JSON.stringify({ recipe: value }));
    return join(folder, name);
  };
  const out = join(folder, 'grown');
  const backbone = recipe('backbone.json', { unet });
  const aid = recipe('aid.json', { aid: json('aid'), numFrames: 4 });
  const args = ['--model', model, '--autoencoder', model, '--unet', backbone, '--aid', aid, '--out', out];
  return { model, out, args };
}

it('makes a model whose inner blocks are those of the one that it is grown from', async () => {
  const { model, out, args } = await growing();
  const { exitCode, stdout, stderr } = await grow(args);
  expect([exitCode, stderr]).toEqual([0, '']);
  const [, error] = /fitted, to (\S+) of how they vary/.exec(stdout) ?? [];
  expect(Number(error)).toBeLessThan(0.01);
  const floats = (folder: string, key: string) => {
    const tensor = readSafetensorsHeader(join(folder, 'unet', WEIGHTS)).get(key);
    return tensor === undefined ? undefined : [...readFloats(tensor)];
  };
  const conv = 'resnets.0.spatial_res_block.conv2.weight';
  for (const [from, to] of [
    [`down_blocks.0.${conv}`, `down_blocks.1.${conv}`],
    [`mid_block.${conv}`, `mid_block.${conv}`],
    [`up_blocks.1.${conv}`, `up_blocks.1.${conv}`],
  ] as const)
    expect(floats(out, to)).toEqual(floats(model, from));
  expect(floats(out, `down_blocks.0.${conv}`)?.every((value) => value === 0)).toBe(true);

  const planner = await VideoPlanner.load(out, { provider: 'cpu', threads: 1 });
  const data = new Uint8Array(32 * 32 * 3).fill(100);
  const frames = [{ width: 32, height: 32, data }];
  let last: unknown;
  for await (const event of planner.imagine({ frames, instruction: 'put the cube on the plate', seed: 1 }))
    last = event;
  expect(last).toMatchObject({ kind: 'end', frames: { length: 4 } });
  await planner.dispose();
});

it('leaves a folder alone that is there, and says which option is missing', async () => {
  const { out, args } = await growing();
  mkdirSync(out);
  expect(await grow(args)).toMatchObject({ exitCode: 1, stderr: `grow: ${out} is there already\n` });
  expect(await grow(args.slice(0, -2))).toMatchObject({ exitCode: 1, stderr: 'grow: --out is missing\n' });
});
