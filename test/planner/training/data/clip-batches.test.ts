import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, type Tokenizer } from '#planner/conditioning/tokenizer.js';
import { writeWordTokenizer } from '#planner/conditioning/word-tokenizer.js';
import { type ClipBatchOptions, clipBatch } from '#planner/training/data/clip-batches.js';
import { textIds } from '#planner/training/recipes/adapt-loss.js';
import { writeSafetensors } from '#planner/weights/safetensors.js';
import { sharedFolder, temporaryFolder } from '../tiny-runs.js';

const CLIPS = 4;
const [FRAMES, SIZE] = [3, 2 * 1 * 1];
const files: string[] = [];
let tokenizer: Tokenizer;

/** Every latent says which clip and which frame it is of. */
async function writeClip(file: string, clip: number, frames = FRAMES): Promise<void> {
  const latents = Float32Array.from({ length: frames * SIZE }, (_, i) => 1 + clip + Math.floor(i / SIZE) / 8);
  const tensors = new Map([
    ['latents', { shape: [frames, 2, 1, 1], data: latents, as: 'F16' as const }],
    ['clip_pixels', { shape: [3, 1, 1], data: new Float32Array(3).fill(clip), as: 'F16' as const }],
  ]);
  const said = { instruction: `put block ${clip} on the plate` };
  await writeSafetensors(file, tensors, { ...said, stamp: '', episodes: '1', skipped: '[]' });
}

beforeAll(async () => {
  const folder = sharedFolder();
  for (let clip = 0; clip < CLIPS; clip++) {
    const file = join(folder, `${clip}.safetensors`);
    await writeClip(file, clip);
    files.push(file);
  }
  await writeWordTokenizer(join(folder, 'tokenizer'), ['put', 'block', 'on', 'the', 'plate']);
  tokenizer = await loadTokenizer(join(folder, 'tokenizer'));
});

const options = (changes: Partial<ClipBatchOptions> = {}): ClipBatchOptions => ({
  files,
  seed: 7,
  batchSize: 4,
  scalingFactor: 0.5,
  sigma: { mean: 0.3, deviation: 1.4 },
  dropout: { text: 0.1, frame: 0.2, both: 0.15 },
  fill: 'zeros',
  dataMean: 'zero',
  ...changes,
});

describe('a batch', () => {
  it('follows from the seed and its index alone', () => {
    const fifth = clipBatch(5, options());
    for (const index of [4, 6, 7]) clipBatch(index, options());
    expect(clipBatch(5, options())).toEqual(fifth);
    expect(clipBatch(6, options())).not.toEqual(fifth);
    expect(clipBatch(5, options({ seed: 8 }))).not.toEqual(fifth);
  });

  it('holds latents times the scaling factor, noise of its own, and the clip that the instruction is of', () => {
    const { denoising, clipPixels, instructions } = clipBatch(
      0,
      options({ dropout: { text: 0, frame: 0, both: 0 } }),
    );
    expect(denoising.clean.dims).toEqual([4, FRAMES, 2, 1, 1]);
    expect(denoising.noise.dims).toEqual(denoising.clean.dims);
    for (let i = 0; i < 4; i++) {
      const clip = clipPixels.data[3 * i] as number;
      expect(instructions[i]).toBe(`put block ${clip} on the plate`);
      const clean = denoising.clean.data.subarray(6 * i, 6 * i + 6);
      expect([...clean]).toEqual([0, 0, 1, 1, 2, 2].map((frame) => (1 + clip + frame / 8) / 2));
      // Given latents are not scaled: SVD conditions on the mode as it is.
      expect([...denoising.frame_latents.data.subarray(6 * i, 6 * i + 6)]).toEqual([
        1 + clip,
        1 + clip,
        0,
        0,
        0,
        0,
      ]);
    }
    expect(new Set(denoising.noise.data).size).toBe(24);
  });

  it('holds what differs from the given frames where they are the mean, whether they are dropped or not', () => {
    const none = { text: 0, frame: 0, both: 0 };
    const changes = { dataMean: 'frame', givenFrames: 2 } as const;
    for (const dropout of [none, { ...none, frame: 1 }]) {
      const { denoising } = clipBatch(0, options({ ...changes, dropout }));
      // A third frame that is 1/8 more than the second, times the scaling factor.
      for (let i = 0; i < 4; i++)
        expect([...denoising.clean.data.subarray(6 * i, 6 * i + 6)]).toEqual([0, 0, 0, 0, 1 / 16, 1 / 16]);
      expect(denoising.frame_latents.data.every((value) => value === 0)).toBe(dropout.frame === 1);
    }
  });

  it('repeats the given latents where the backbone was trained so', () => {
    const { denoising, clipPixels } = clipBatch(
      0,
      options({ fill: 'repeat', dropout: { text: 0, frame: 0, both: 0 } }),
    );
    const first = 1 + (clipPixels.data[0] as number);
    expect([...denoising.frame_latents.data.subarray(0, 6)]).toEqual(Array(6).fill(first));
  });

  it.each([
    ['zeros', 2],
    ['repeat', 2],
    ['repeat', [1, 2]],
  ] as const)('gives as many frames as asked for: %s, %j', (fill, givenFrames) => {
    const dropout = { text: 0, frame: 0, both: 0 };
    const { denoising, clipPixels } = clipBatch(0, options({ batchSize: 40, fill, givenFrames, dropout }));
    const counts = Array.from({ length: 40 }, (_, i) => {
      const clip = 1 + (clipPixels.data[3 * i] as number);
      const [first, , second, , third] = denoising.frame_latents.data.subarray(6 * i, 6 * i + 6);
      expect(first).toBe(clip);
      const given = second === clip ? 1 : 2;
      if (given === 2) expect(second).toBe(clip + 1 / 8);
      expect(third).toBe(fill === 'zeros' ? 0 : second);
      return given;
    });
    expect(new Set(counts)).toEqual(new Set([givenFrames].flat()));
  });
});

it('gives five frames of seven, and what is asked for of the last two', async () => {
  const file = join(temporaryFolder(), 'long.safetensors');
  await writeClip(file, 0, 7);
  const seen = [1, 9 / 8, 10 / 8, 11 / 8, 12 / 8].flatMap((value) => [value, value]);
  for (const [fill, rest] of [
    ['zeros', 0],
    ['repeat', 12 / 8],
  ] as const) {
    const dropout = { text: 0, frame: 0, both: 0 };
    const changes = { files: [file], batchSize: 1, fill, givenFrames: 5, dropout };
    const { denoising } = clipBatch(0, options(changes));
    expect([...denoising.frame_latents.data]).toEqual([...seen, ...Array<number>(4).fill(rest)]);
  }
});

describe('over many draws', () => {
  const draws = 1500;
  const batches = () => Array.from({ length: draws }, (_, index) => clipBatch(index, options()));

  it('every clip is drawn as often, and conditions are dropped in the shares asked for', () => {
    const counts = new Map<string, number>();
    const clips = new Array<number>(CLIPS).fill(0);
    for (const { denoising, clipPixels, frameGiven, instructions } of batches()) {
      for (let i = 0; i < 4; i++) {
        const given = frameGiven.data[i];
        const latents = denoising.frame_latents.data.subarray(6 * i, 6 * i + 6);
        // A frame is dropped as a whole: no latents, and no embedding either.
        expect(latents.every((value) => value === 0)).toBe(given === 0);
        const kind = `${instructions[i] === '' ? 'no text' : 'text'}, ${given === 0 ? 'no frame' : 'frame'}`;
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
        const clip = clipPixels.data[3 * i] as number;
        clips[clip] = (clips[clip] ?? 0) + 1;
      }
    }
    const share = (kind: string): number => (counts.get(kind) ?? 0) / (4 * draws);
    // Standard deviations of these shares are below 0.0065.
    expect(Math.abs(share('no text, frame') - 0.1)).toBeLessThan(0.02);
    expect(Math.abs(share('text, no frame') - 0.2)).toBeLessThan(0.02);
    expect(Math.abs(share('no text, no frame') - 0.15)).toBeLessThan(0.02);
    expect(Math.abs(share('text, frame') - 0.55)).toBeLessThan(0.02);
    for (const count of clips) expect(Math.abs(count / (4 * draws) - 1 / CLIPS)).toBeLessThan(0.025);
  });

  it('ln(sigma) is normal with the mean and the deviation asked for, and each clip has its own', () => {
    const sigmas = batches().flatMap(({ denoising }) => [...denoising.sigma.data]);
    const logs = sigmas.map(Math.log).sort((a, b) => a - b);
    const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
    const deviation = Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logs.length);
    expect(Math.abs(mean - 0.3)).toBeLessThan(0.06);
    expect(Math.abs(deviation - 1.4)).toBeLessThan(0.05);
    // Quantiles of the normal distribution.
    for (const [share, z] of [
      [0.023, -2],
      [0.159, -1],
      [0.5, 0],
      [0.841, 1],
      [0.977, 2],
    ] as const)
      expect(Math.abs((logs[Math.floor(share * logs.length)] as number) - (0.3 + 1.4 * z))).toBeLessThan(0.2);
    expect(new Set(sigmas).size).toBeGreaterThan(0.99 * sigmas.length);
  });

  it('noise is standard normal', () => {
    const noise = batches().flatMap(({ denoising }) => [...denoising.noise.data]);
    const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
    const power = noise.reduce((sum, value) => sum + value * value, 0) / noise.length;
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(power - 1)).toBeLessThan(0.03);
  });
});

it('the ids of a text are its own and those of its four states; of a dropped text, the empty one five times', () => {
  const length = 8;
  const ids = textIds(['put the block on the plate', ''], tokenizer, length, 4);
  expect(ids.dims).toEqual([2, 5, length]);
  const text = (index: number): bigint[] => [...ids.data.subarray(index * length, (index + 1) * length)];
  const encoded = (words: string): bigint[] => [
    ...BigInt64Array.from(tokenizer.encode(words, { length }).inputIds),
  ];
  const empty = encoded('');
  expect(text(0)).toEqual(encoded('put the block on the plate'));
  expect(text(4)).toEqual(encoded('the block is on the plate'));
  expect(new Set([0, 1, 2, 3, 4].map((index) => text(index).join())).size).toBe(5);
  for (let index = 5; index < 10; index++) expect(text(index)).toEqual(empty);
});
