/** Batches of cached clips with their noise, each a function of the seed and its index alone. */
import { dataMean } from '../../imagination/data-mean.js';
import { imageLatents } from '../../imagination/image-latents.js';
import { Random } from '../../random.js';
import { type FloatTensor, floatTensor } from '../../runtime/tensor.js';
import { joined } from './joined.js';
import { type CachedClip, readCachedClip } from './latent-cache.js';

/** How noise levels are drawn: ln(sigma) is normal (arXiv 2206.00364, Table 1). Every clip has its own. */
export interface SigmaDistribution {
  readonly mean: number;
  readonly deviation: number;
}

/** Shares of clips whose conditions are dropped, for classifier-free guidance. */
export interface ConditionDropout {
  readonly text: number;
  readonly frame: number;
  readonly both: number;
}

export interface ClipBatch {
  /** Data inputs of the denoising loss: `clean`, `noise`, `sigma`, `frame_latents`. */
  readonly denoising: Readonly<Record<'clean' | 'noise' | 'sigma' | 'frame_latents', FloatTensor>>;
  /** [B, 3, S, S] */
  readonly clipPixels: FloatTensor;
  /** [B] */
  readonly frameGiven: FloatTensor;
  /** The instruction of each clip, empty where the text is dropped. */
  readonly instructions: readonly string[];
}

export interface ClipBatchOptions {
  readonly files: readonly string[];
  readonly seed: number;
  readonly batchSize: number;
  /** Latents are multiplied by this before noise is added. */
  readonly scalingFactor: number;
  readonly sigma: SigmaDistribution;
  readonly dropout: ConditionDropout;
  readonly fill: 'zeros' | 'repeat';
  /** `frame`: `clean` is what differs from the given frames' latents, see `dataMean`. */
  readonly dataMean: 'zero' | 'frame';
  /** Frames at the start of a clip that are given: 1 unless said otherwise, or drawn from these for each clip. */
  readonly givenFrames?: number | readonly number[] | undefined;
}

export function clipBatch(index: number, options: ClipBatchOptions): ClipBatch {
  const { files, seed, batchSize, scalingFactor, sigma, dropout, fill, givenFrames = 1 } = options;
  const random = new Random(seed, 3, index);
  const clips = Array.from({ length: batchSize }, () =>
    readCachedClip(files[random.below(files.length)] as string),
  );
  const dropped = clips.map(() => dropsOf(random.uniform(), dropout));
  const dims = [batchSize, ...(clips[0] as CachedClip).latents.dims];
  const sigmas = Float32Array.from(clips, () => Math.exp(sigma.mean + sigma.deviation * random.normal()));
  const clean = clips.map(({ latents }) => latents.data.map((value) => value * scalingFactor));
  const given = clips.map(({ latents }, i) => {
    const isDropped = dropped[i]?.frame === true;
    if (isDropped && options.dataMean === 'zero') return new Float32Array(latents.data.length);
    const frames = firstFrames(latents, givenFor(random, givenFrames));
    if (options.dataMean === 'frame')
      subtract(clean[i] as Float32Array, dataMean(frames, framesOf(latents), scalingFactor));
    if (isDropped) return new Float32Array(latents.data.length);
    return imageLatents(frames, framesOf(latents), sizeOf(latents), fill);
  });
  const seen = clips.map((clip) => clip.clipPixels.data);
  return {
    denoising: {
      clean: floatTensor(dims, joined(clean)),
      noise: floatTensor(dims, random.normals(dims.reduce((a, b) => a * b, 1))),
      sigma: floatTensor([batchSize], sigmas),
      frame_latents: floatTensor(dims, joined(given)),
    },
    clipPixels: floatTensor([batchSize, ...(clips[0] as CachedClip).clipPixels.dims], joined(seen)),
    frameGiven: floatTensor(
      [batchSize],
      Float32Array.from(dropped, ({ frame }) => (frame ? 0 : 1)),
    ),
    instructions: clips.map(({ instruction }, i) => (dropped[i]?.text === true ? '' : instruction)),
  };
}

function dropsOf(draw: number, { text, frame, both }: ConditionDropout): { text: boolean; frame: boolean } {
  if (draw < text) return { text: true, frame: false };
  if (draw < text + frame) return { text: false, frame: true };
  const drop = draw < text + frame + both;
  return { text: drop, frame: drop };
}

/** A clip's own draw only where there is a choice: else nothing changes for clips of one given frame. */
function givenFor(random: Random, given: number | readonly number[]): number {
  return typeof given === 'number' ? given : (given[random.below(given.length)] as number);
}

const framesOf = ({ dims: [frames = 1] }: FloatTensor): number => frames;
const sizeOf = (latents: FloatTensor): number => latents.data.length / framesOf(latents);

function firstFrames(latents: FloatTensor, count: number): Float32Array[] {
  const size = sizeOf(latents);
  return Array.from({ length: count }, (_, frame) => latents.data.subarray(frame * size, (frame + 1) * size));
}

function subtract(from: Float32Array, what: Float32Array): void {
  for (let i = 0; i < from.length; i++) from[i] = (from[i] as number) - (what[i] as number);
}
