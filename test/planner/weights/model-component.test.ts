import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModelComponent } from '#planner/weights/model-component.js';
import { writeSafetensors } from '#planner/weights/safetensors.js';
import { temporaryFolder } from '../conditioning/temporary-folder.js';

async function component(
  files: Readonly<Record<string, readonly string[]>>,
  index?: string,
): Promise<string> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'config.json'), '{}');
  const map: Record<string, string> = {};
  for (const [file, keys] of Object.entries(files)) {
    const tensors = keys.map((key) => [key, { shape: [1], data: Float32Array.of(1), as: 'F16' }] as const);
    await writeSafetensors(join(folder, file), new Map(tensors));
    for (const key of keys) map[key] = file;
  }
  if (index !== undefined) writeFileSync(join(folder, index), JSON.stringify({ weight_map: map }));
  return folder;
}

/** As diffusers and transformers publish them. */
describe('a component in one file', () => {
  it.each([
    'diffusion_pytorch_model.safetensors',
    'diffusion_pytorch_model.fp16.safetensors',
    'model.safetensors',
    'model.fp16.safetensors',
  ])('%s', async (file) => {
    const { tensors } = readModelComponent(await component({ [file]: ['a', 'b'] }));
    expect([...tensors.keys()]).toEqual(['a', 'b']);
  });
});

describe('a component in several files', () => {
  it.each([
    ['diffusion_pytorch_model.safetensors.index.json', 'diffusion_pytorch_model-0000N-of-00002.safetensors'],
    [
      'diffusion_pytorch_model.safetensors.index.fp16.json',
      'diffusion_pytorch_model.fp16-0000N-of-00002.safetensors',
    ],
    [
      'diffusion_pytorch_model.fp16.safetensors.index.json',
      'diffusion_pytorch_model.fp16-0000N-of-00002.safetensors',
    ],
    ['model.safetensors.index.json', 'model-0000N-of-00002.safetensors'],
    ['model.safetensors.index.fp16.json', 'model.fp16-0000N-of-00002.safetensors'],
  ])('%s', async (index, shard) => {
    const files = { [shard.replace('N', '1')]: ['a'], [shard.replace('N', '2')]: ['b'] };
    const folder = await component(files, index);
    expect([...readModelComponent(folder).tensors.values()].map(({ key, file }) => [key, file])).toEqual([
      ['a', join(folder, shard.replace('N', '1'))],
      ['b', join(folder, shard.replace('N', '2'))],
    ]);
  });

  it('is refused without an index', async () => {
    const folder = await component({ 'diffusion_pytorch_model-00001-of-00002.safetensors': ['a'] });
    expect(() => readModelComponent(folder)).toThrow(
      `${folder}: expected diffusion_pytorch_model.safetensors or model.safetensors, or their fp16 variant or index, found none`,
    );
  });
});
