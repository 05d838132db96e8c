import { mkdirSync, readdirSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FrozenParts } from '#planner/training/recipes/frozen-parts.js';
import { openBase } from '#planner/weights/model-folder.js';
import { temporaryFolder } from './tiny-runs.js';

/** A base whose autoencoder's weights have so many bytes, as a file with a hole, and are a link as in a download. */
function baseOf(bytes: number): string {
  const folder = temporaryFolder();
  for (const part of ['vae', 'tokenizer']) {
    mkdirSync(join(folder, part));
    writeFileSync(join(folder, part, 'config.json'), '{}');
  }
  writeFileSync(join(folder, 'blob'), '');
  truncateSync(join(folder, 'blob'), bytes);
  symlinkSync('../blob', join(folder, 'vae/model.safetensors'));
  return folder;
}
const NAMES = ['unet', 'vae', 'tokenizer'] as const;
const inode = (...path: string[]): number => statSync(join(...path)).ino;

describe('what a run does not train', () => {
  it('is copied into the first model that it saves, and is the same files in the next ones', async () => {
    const base = baseOf(1000);
    const frozen = new FrozenParts(openBase(base), NAMES);
    const [first, second] = [temporaryFolder(), temporaryFolder()];
    expect(await frozen.put(first, undefined)).toEqual({});
    expect(await frozen.put(second, first)).toEqual({});
    for (const folder of [first, second]) {
      expect(readdirSync(folder).sort()).toEqual(['tokenizer', 'vae']);
      expect(readdirSync(join(folder, 'vae')).sort()).toEqual(['config.json', 'model.safetensors']);
      expect(statSync(join(folder, 'vae/model.safetensors')).size).toBe(1000);
    }
    for (const file of ['vae/config.json', 'vae/model.safetensors', 'tokenizer/config.json']) {
      expect(inode(first, file)).not.toBe(inode(base, file));
      expect(inode(second, file)).toBe(inode(first, file));
    }
  });

  it('stays where it is when it is more than 1 GB, or when that is asked for', async () => {
    const [large, small] = [baseOf(1.1e9), baseOf(1000)];
    const folder = temporaryFolder();
    expect(await new FrozenParts(openBase(large), NAMES).put(folder, undefined)).toEqual({ base: large });
    expect(await new FrozenParts(openBase(small), NAMES, 'reference').put(folder, undefined)).toEqual({
      base: small,
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});
