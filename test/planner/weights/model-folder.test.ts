import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openBase, openModelFolder } from '#planner/weights/model-folder.js';

/** Folders with these parts, each with an index that points to its base, where there is one. */
function folders(
  layout: Readonly<Record<string, { readonly parts: readonly string[]; readonly base?: string }>>,
): string {
  const root = mkdtempSync(join(tmpdir(), 'aid-model-folder-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, { parts, base }] of Object.entries(layout)) {
    for (const part of parts) mkdirSync(join(root, name, part), { recursive: true });
    mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, name, 'model_index.json'), JSON.stringify({ aid: { base } }));
  }
  return root;
}

describe('a model folder', () => {
  it('has what its base has, and what the base of that has; the nearest counts', () => {
    const root = folders({
      own: { parts: ['aid'], base: '../middle' },
      middle: { parts: ['aid', 'tokenizer'], base: '../svd' },
      svd: { parts: ['tokenizer', 'unet'] },
    });
    const folder = openModelFolder(join(root, 'own'));
    expect(folder.find('aid')).toBe(join(root, 'own/aid'));
    expect(folder.folder('tokenizer')).toBe(join(root, 'middle/tokenizer'));
    expect(folder.find('unet')).toBe(join(root, 'svd/unet'));
    expect(folder.find('vae')).toBeUndefined();
    expect(() => folder.folder('vae')).toThrow(
      `${join(root, 'own')} and ${join(root, 'middle')} and ${join(root, 'svd')}: no vae/ in it`,
    );
  });

  it('refuses a base that leads back to it', () => {
    const root = folders({ a: { parts: [], base: '../b' }, b: { parts: [], base: '../a' } });
    expect(() => openModelFolder(join(root, 'a'))).toThrow(
      `${join(root, 'a')}: aid.base leads back to ${join(root, 'a')}`,
    );
  });

  it('stays the one that a link pointed to when it was opened', () => {
    const root = folders({ old: { parts: ['aid'] }, next: { parts: ['aid'] } });
    symlinkSync('old', join(root, 'model'));
    const folder = openModelFolder(join(root, 'model'));
    symlinkSync('next', join(root, 'draft'));
    renameSync(join(root, 'draft'), join(root, 'model'));
    expect(folder.find('aid')).toBe(join(root, 'old/aid'));
    expect(openModelFolder(join(root, 'model')).find('aid')).toBe(join(root, 'next/aid'));
  });

  it('has an index; what a run starts from needs none', () => {
    const root = folders({ own: { parts: ['vae'] } });
    rmSync(join(root, 'own/model_index.json'));
    expect(() => openModelFolder(join(root, 'own'))).toThrow(
      /expected a model folder with model_index\.json/,
    );
    expect(openBase(join(root, 'own')).find('vae')).toBe(join(root, 'own/vae'));
    expect(openBase(join(root, 'own')).index).toBeUndefined();
  });
});
