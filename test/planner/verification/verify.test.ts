import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { OnnxRuntimeEngine } from '#planner/runtime/onnxruntime/onnxruntime-engine.js';
import { type TensorCheck, verifyCase, verifyCases } from '#planner/verification/verify.js';
import {
  readFloats,
  readSafetensorsHeader,
  readTensorBytes,
  type TensorToWrite,
  writeSafetensors,
} from '#planner/weights/safetensors.js';

const goldens = fileURLToPath(new URL('../../fixtures/goldens', import.meta.url));
const moreGoldens = fileURLToPath(new URL('../../fixtures/more-goldens', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'aid-verify-'));
const engine = new OnnxRuntimeEngine({ threads: 1 });
afterAll(async () => {
  await engine.dispose();
  rmSync(folder, { recursive: true });
});

let count = 0;
/** A copy of a golden case in a folder of its own, changed. */
async function changed(golden: string, change: (path: string) => unknown, from = goldens): Promise<string> {
  const path = join(folder, String(count++), golden);
  cpSync(join(from, golden), path, { recursive: true });
  await change(path);
  return path;
}

/** Changes config.json; undefined takes a key away. */
const config = (over: object) => (path: string) => {
  const file = join(path, 'config.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...over }));
};

type Tensors = Map<string, TensorToWrite>;
/** Changes the tensors of a file. */
const tensors = (file: string, change: (tensors: Tensors) => unknown) => async (path: string) => {
  const target = join(path, `${file}.safetensors`);
  const all: Tensors = new Map();
  for (const [key, stored] of readSafetensorsHeader(target)) {
    const { shape, type } = stored;
    if (type === 'I64') {
      all.set(key, { shape, data: new BigInt64Array(readTensorBytes(stored).buffer as ArrayBuffer) });
    } else {
      all.set(key, { shape, data: readFloats(stored), as: type === 'F16' ? 'F16' : 'F32' });
    }
  }
  change(all);
  await writeSafetensors(target, all);
};

async function checksOf(path: string): Promise<TensorCheck[]> {
  const checks: TensorCheck[] = [];
  for await (const check of verifyCases(path, { engine })) checks.push(check);
  return checks;
}

const TEXT = 'clip-text-gelu';
const NORM = 'text_model.final_layer_norm.bias';

describe('a check', () => {
  it('is the largest error over the largest value expected', async () => {
    const path = await changed(
      TEXT,
      tensors('io', (io) => {
        const { shape, data } = io.get('pooler_output') as TensorToWrite;
        const moved = Float32Array.from(data as Float32Array);
        moved[5] = (moved[5] as number) + 0.25;
        io.set('pooler_output', { shape, data: moved });
      }),
    );
    const [hidden, pooled] = await verifyCase(path, { engine });
    expect(hidden).toMatchObject({ case: TEXT, tensor: 'last_hidden_state', pass: true, tolerance: 1e-4 });
    expect(pooled).toMatchObject({ tensor: 'pooler_output', pass: false });
    const largest = readFloats(
      readSafetensorsHeader(join(path, 'io.safetensors')).get('pooler_output') as never,
    ).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(pooled?.error).toBeCloseTo(0.25 / largest, 4);
  });

  it.each<[string, (path: string) => unknown, string]>([
    [
      'what is expected has another shape',
      tensors('io', (io) => {
        const { data } = io.get('pooler_output') as TensorToWrite;
        io.set('pooler_output', { shape: [32, 3], data });
      }),
      'expected [32,3], got [3,32]',
    ],
    [
      'what comes out is not expected',
      tensors('io', (io) => io.delete('pooler_output')),
      'the case does not say what is expected',
    ],
    [
      'a weight is not a number',
      tensors('weights', (weights) => {
        (weights.get(NORM) as TensorToWrite).data[3] = Number.NaN as never;
      }),
      'number 0 is NaN',
    ],
    [
      'a number is expected not to be one',
      tensors('io', (io) => {
        (io.get('pooler_output') as TensorToWrite).data[0] = Number.POSITIVE_INFINITY as never;
      }),
      'number 0 is expected to be Infinity',
    ],
  ])('fails with its reason when %s', async (_, change, reason) => {
    const checks = await verifyCase(await changed(TEXT, change), { engine });
    const check = checks.find(({ tensor }) => tensor === 'pooler_output');
    expect(check).toMatchObject({ pass: false, error: Number.POSITIVE_INFINITY });
    expect(check?.reason).toMatch(reason.startsWith('number 0 is NaN') ? /is NaN/ : reason);
  });

  it('fails for a tensor that the network does not make', async () => {
    const path = await changed(
      TEXT,
      tensors('io', (io) => io.set('attentions', { shape: [1], data: Float32Array.of(1) })),
    );
    expect((await verifyCase(path, { engine })).find(({ tensor }) => tensor === 'attentions')).toMatchObject({
      pass: false,
      reason: 'the network has no such output',
    });
  });
});

describe('a case that cannot be run is one clear error:', () => {
  it.each<[string, string, (path: string) => unknown, string, RegExp]>([
    [
      'a missing weight',
      'vae',
      tensors('weights', (weights) => weights.delete('decoder.conv_in.bias')),
      'invalid-weights',
      /^vae: 1 tensors missing: decoder\.conv_in\.bias \[32\]$/,
    ],
    [
      'a weight too many',
      'dqformer',
      tensors('weights', (weights) => weights.set('extra', { shape: [1], data: Float32Array.of(1) })),
      'invalid-weights',
      /^dqformer: 1 tensors unexpected: extra$/,
    ],
    [
      'a weight of another shape',
      TEXT,
      tensors('weights', (weights) => weights.set(NORM, { shape: [4, 8], data: new Float32Array(32) })),
      'invalid-weights',
      /1 tensors of the wrong shape: text_model\.final_layer_norm\.bias: expected \[32\], got \[4,8\]/,
    ],
    [
      'no weights',
      TEXT,
      (path) => rmSync(join(path, 'weights.safetensors')),
      'invalid-weights',
      /36 tensors missing/,
    ],
    [
      'weights that are cut short',
      TEXT,
      (path) => {
        const file = join(path, 'weights.safetensors');
        writeFileSync(file, readFileSync(file).subarray(0, 6000));
      },
      'invalid-weights',
      /not a whole safetensors file/,
    ],
    [
      'no tensors to compare',
      TEXT,
      (path) => rmSync(join(path, 'io.safetensors')),
      'io-failed',
      /io\.safetensors: could not be opened/,
    ],
    [
      'a missing input',
      TEXT,
      tensors('io', (io) => io.delete('input_ids')),
      'invalid-data',
      /io\.safetensors: input_ids is missing/,
    ],
    [
      'a config that is no JSON',
      TEXT,
      (path) => writeFileSync(join(path, 'config.json'), '{"kind": '),
      'invalid-model-folder',
      /config\.json: expected a JSON file/,
    ],
    ['a config without a kind', TEXT, config({ kind: undefined }), 'invalid-config', /config\.json: kind: /],
    [
      'an unknown kind',
      TEXT,
      config({ kind: 'constructor' }),
      'invalid-config',
      /kind: expected one of clip-text, .*, got constructor/,
    ],
    [
      'a number as a string',
      TEXT,
      config({ hidden_size: '32' }),
      'invalid-config',
      /hidden_size: .*expected number, received string/,
    ],
    [
      'heads that do not fit',
      'dqformer',
      config({ heads: 3 }),
      'invalid-config',
      /instruction_branch\.0\.self_attn: expected heads that divide its width of \d+, got 3/,
    ],
    [
      'a reduction that does not fit',
      'unet-aid',
      config({ adapter_reduction: 5 }),
      'invalid-config',
      /spatial_adapter: expected a reduction that divides its width of 32, got 5/,
    ],
    [
      'lists of different lengths',
      'unet-svd',
      config({ block_out_channels: [32] }),
      'invalid-config',
      /block_out_channels: expected 2 entries/,
    ],
    [
      'more channels than the network takes',
      'unet-svd',
      config({ in_channels: 9 }),
      'invalid-config',
      /unet\.conv_in: expected \[B,F,9,H,W\], got \[B,4,8,8,12\]/,
    ],
    [
      'frames that make no clips',
      'vae',
      config({ num_frames: 3 }),
      'invalid-data',
      /latents: expected a multiple of 3 frames, got \[10,4,8,12\]/,
    ],
    [
      'used cases that are not there',
      'sampler',
      () => undefined,
      'invalid-model-folder',
      /unet-aid.config\.json: no such file/,
    ],
    ['no used cases', 'training', config({ uses: [] }), 'invalid-config', /uses: expected a unet-aid case/],
    [
      'features that are no table',
      'video-distance',
      tensors('io', (io) => {
        const { data } = io.get('features_a') as TensorToWrite;
        io.set('features_a', { shape: [64, 4, 4], data });
      }),
      'invalid-data',
      /features_a: expected \[N,D\], got \[64,4,4\]/,
    ],
  ])('%s', async (_, golden, change, code, message) => {
    const path = await changed(golden, change);
    await expect(verifyCase(path, { engine })).rejects.toMatchObject({ name: 'AidError', code });
    await expect(verifyCase(path, { engine })).rejects.toThrow(message);
    // Among others it is one failed check.
    expect(await checksOf(path)).toEqual([
      expect.objectContaining({
        case: golden,
        tensor: '*',
        pass: false,
        reason: expect.stringMatching(message),
      }),
    ]);
  });
});

describe("what a case's config does not say is read off its weights:", () => {
  const passes = async (path: string) => {
    const checks = await checksOf(path);
    expect(checks.length).toBeGreaterThan(0);
    expect(checks.map(({ tensor, error, tolerance }) => [tensor, error <= tolerance])).toEqual(
      checks.map(({ tensor }) => [tensor, true]),
    );
  };

  it('how many frames the short-term adapter sees', async () => {
    const wider = tensors('weights', (all) => {
      for (const [key, { shape, data }] of all) {
        if (!key.endsWith('short_term_adapter.conv.weight')) continue;
        const [out = 0, into = 0, kernel = 0] = shape;
        const padded = new Float32Array(out * into * (kernel + 2));
        for (let row = 0; row < out * into; row++)
          padded.set(
            (data as Float32Array).subarray(row * kernel, (row + 1) * kernel),
            row * (kernel + 2) + 1,
          );
        all.set(key, { shape: [out, into, kernel + 2], data: padded, as: 'F16' });
      }
    });
    await passes(await changed('unet-aid', wider));
  });

  it('which adapters there are, and by how much they narrow', async () => {
    const silent = config({ adapters: undefined, adapter_reduction: undefined });
    await passes(await changed('unet-aid-no-short-term', silent, moreGoldens));
    await passes(await changed('unet-aid-8-groups', config({ adapter_reduction: undefined }), moreGoldens));
  });

  it('whether DQFormer looks at states', async () => {
    await passes(await changed('dqformer-without-states', config({ states: undefined }), moreGoldens));
  });

  it('which of its branches there are', async () => {
    const withoutFrames = tensors('weights', (all) => {
      for (const key of all.keys()) if (/^(frame_branch|queries)/.test(key)) all.delete(key);
    });
    const path = await changed('dqformer', async (at) => {
      await withoutFrames(at);
      // Multimodal embeddings alone: the first tokens of the condition.
      await tensors('io', (all) => {
        const { shape, data } = all.get('mcondition') as { shape: number[]; data: Float32Array };
        const [batch = 0, frames = 0, tokens = 0, dim = 0] = shape;
        const kept = tokens - 3;
        const part = new Float32Array(batch * frames * kept * dim);
        for (let i = 0; i < batch * frames; i++)
          part.set(data.subarray(i * tokens * dim, (i * tokens + kept) * dim), i * kept * dim);
        all.set('mcondition', { shape: [batch, frames, kept, dim], data: part, as: 'F32' });
      })(at);
    });
    await passes(path);
  });
});

describe('a folder', () => {
  it('is a case, or holds cases among other things', async () => {
    const root = join(folder, 'mixed');
    mkdirSync(join(root, 'no case'), { recursive: true });
    writeFileSync(join(root, 'notes.md'), 'x');
    for (const name of ['video-distance', TEXT])
      cpSync(join(goldens, name), join(root, name), { recursive: true });
    expect((await checksOf(root)).map((check) => [check.case, check.tensor])).toEqual([
      [TEXT, 'last_hidden_state'],
      [TEXT, 'pooler_output'],
      ['video-distance', 'frechet'],
      ['video-distance', 'kernel'],
    ]);
    expect((await checksOf(join(root, TEXT))).length).toBe(2);
    expect(await checksOf(join(root, 'no case'))).toEqual([]);
  });

  it('that is not there is an error', async () => {
    await expect(checksOf(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'io-failed' });
  });

  it('may hold used cases under any name', async () => {
    const root = join(folder, 'renamed');
    for (const [name, as] of [
      ['unet-aid', 'a'],
      ['dqformer', 'b'],
      ['sampler', 'c'],
    ] as const) {
      cpSync(join(goldens, name), join(root, as), { recursive: true });
    }
    config({ uses: ['b', 'a'] })(join(root, 'c'));
    expect((await checksOf(join(root, 'c'))).map(({ pass }) => pass)).toEqual([true, true, true]);
  });
});
