import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, truncateSync, watch, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Random } from '#planner/random.js';
import { type TrainedTensor, trainedTensor } from '#planner/training/adamw.js';
import {
  checkCheckpoint,
  readCheckpoint,
  type TrainingState,
  writeCheckpoint,
} from '#planner/training/checkpoint.js';
import { writeSafetensors } from '#planner/weights/safetensors.js';
import { temporaryFolder } from './tiny-runs.js';

function state(step: number): TrainingState {
  const random = new Random(step);
  const tensor = (...shape: number[]): TrainedTensor => {
    const size = shape.reduce((a, b) => a * b, 1);
    const made = trainedTensor(shape, random.normals(size));
    for (const part of [made.m, made.v, made.average]) part.set(random.normals(size));
    return made;
  };
  // In an order that is not the alphabet's, one value without dimensions.
  const tensors = new Map([
    ['unet.b', tensor(3, 5)],
    ['unet.a', tensor(7)],
    ['vae.scalar', tensor()],
  ]);
  return {
    step,
    tensors,
    measures: { count: 3, means: { error: 0.1 + 0.2 } },
    losses: { count: 3, first: 0.1 + 0.2, recent: 1 / 3 },
    sources: { bags: '4 bags (12ab)' },
  };
}
const checkpointPath = (): string => join(temporaryFolder(), 'checkpoint.safetensors');

describe('a checkpoint', () => {
  it('gives back every number and the order of the tensors', async () => {
    const path = checkpointPath();
    const written = state(17);
    await writeCheckpoint(path, written, 'fingerprint');
    const read = readCheckpoint(path, 'fingerprint');
    expect(read).toEqual(written);
    expect([...(read?.tensors.keys() ?? [])]).toEqual([...written.tensors.keys()]);
  });

  it('is none where there is no file', () => {
    expect(readCheckpoint(checkpointPath(), 'fingerprint')).toBeUndefined();
    expect(() => checkCheckpoint(checkpointPath(), 'fingerprint')).not.toThrow();
  });

  it('of an earlier version, without measures and sources, is gone on with', async () => {
    const path = checkpointPath();
    const part = { shape: [1], data: Float32Array.of(5) };
    const parts = new Map(['data', 'average', 'm', 'v'].map((name) => [`${name}/a`, part]));
    await writeSafetensors(path, parts, { step: '3', fingerprint: 'f' });
    expect(readCheckpoint(path, 'f')).toMatchObject({
      step: 3,
      measures: { count: 0, means: {} },
      sources: {},
    });
  });

  it('of another config is refused, and told what to do', async () => {
    const path = checkpointPath();
    await writeCheckpoint(path, state(1), 'fingerprint');
    for (const read of [readCheckpoint, checkCheckpoint]) {
      expect(() => read(path, 'another')).toThrow(
        `${path}: belongs to a run with another config; choose another output folder, or delete it to start again`,
      );
    }
  });

  it('that is cut short, is something else, or lacks a part is refused', async () => {
    const path = checkpointPath();
    await writeCheckpoint(path, state(1), 'fingerprint');
    const { length } = readFileSync(path);
    for (const size of [length - 1, length >> 1, 100, 4, 0]) {
      truncateSync(path, size);
      for (const read of [readCheckpoint, checkCheckpoint])
        expect(() => read(path, 'fingerprint'), `${size} bytes`).toThrow(/not a whole safetensors file/);
    }
    writeFileSync(path, `${'\x10\0\0\0\0\0\0\0'}{"not json" 12345`);
    expect(() => readCheckpoint(path, 'fingerprint')).toThrow(/not a whole safetensors file/);
    const one = new Map([['data/a', { shape: [1], data: Float32Array.of(1) }]]);
    await writeSafetensors(path, one, {});
    expect(() => readCheckpoint(path, 'fingerprint')).toThrow(`${path}: not a training checkpoint`);
    await writeSafetensors(path, one, { step: '1', fingerprint: 'fingerprint' });
    expect(() => readCheckpoint(path, 'fingerprint')).toThrow(`${path}: average/a is missing`);
  });

  it('stays whole when the process is killed while it writes the next', async () => {
    const path = checkpointPath();
    const random = new Random(5);
    let confirmed = 0;
    let drafts = 0;
    for (let round = 0; round < 6; round++) {
      confirmed = Math.max(confirmed, await writeUntilKilled(path, confirmed + 1, 2 + random.below(6)));
      drafts += readdirSync(dirname(path)).filter((name) => name.endsWith('.part')).length;
      const { step = 0, tensors = new Map() } = readCheckpoint(path, 'fingerprint') ?? {};
      // What was said to be written is there, or the one after it.
      expect(step - confirmed).toBeGreaterThanOrEqual(0);
      expect(step - confirmed).toBeLessThanOrEqual(1);
      for (const { data, average, m, v } of tensors.values()) {
        for (const part of [data, average, m, v])
          expect(part.every((value: number) => value === step)).toBe(true);
      }
      checkCheckpoint(path, 'fingerprint');
      expect(readdirSync(dirname(path))).toEqual(['checkpoint.safetensors']);
    }
    expect(drafts).toBeGreaterThan(0);
  });
});

/** Kills a process in the middle of a checkpoint, after it said it had written so many; gives the last it said. */
async function writeUntilKilled(path: string, first: number, count: number): Promise<number> {
  const script = fileURLToPath(new URL('checkpoint-writer.mjs', import.meta.url));
  const dist = fileURLToPath(new URL('../../../dist', import.meta.url));
  const child = spawn(process.execPath, [script, dist, path, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  const watcher = watch(dirname(path), (_, name) => {
    if (name?.endsWith('.part') === true && text.split('\n').length > count) child.kill('SIGKILL');
  });
  try {
    for await (const chunk of child.stdout) text += String(chunk);
  } finally {
    watcher.close();
  }
  return Number(text.split('\n').at(-2));
}
