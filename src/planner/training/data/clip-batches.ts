/** Batches of cached clips with their noise, each a function of the seed and its index alone. */
import { dataMean } from '../../imagination/data-mean.js';
import { imageLatents } from '../../imagination/image-latents.js';
import { joined } from '../../joined.js';
import { Random } from '../../random.js';
import { type FloatTensor, floatTensor } from '../../runtime/tensor.js';
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

/** A clip of a batch, and what was drawn for it. */
export interface DrawnClip {
  readonly clip: CachedClip;
  readonly sigma: number;
  /** Frames at its start that are given. */
  readonly givenFrames: number;
  readonly dropped: { readonly text: boolean; readonly frame: boolean };
}

export function clipBatch(index: number, options: ClipBatchOptions): ClipBatch {
  const { files, seed, batchSize, sigma, dropout, givenFrames = 1 } = options;
  const random = new Random(seed, 3, index);
  const clips = Array.from({ length: batchSize }, () =>
    readCachedClip(files[random.below(files.length)] as string),
  );
  const dropped = clips.map(() => dropsOf(random.uniform(), dropout));
  const sigmas = clips.map(() => Math.exp(sigma.mean + sigma.deviation * random.normal()));
  const drawn = clips.map((clip, i): DrawnClip => {
    const drops = dropped[i] as DrawnClip['dropped'];
    // Nothing is drawn where nothing of the frames is used.
    const isUnused = drops.frame && options.dataMean === 'zero';
    const given = isUnused ? 1 : givenFor(random, givenFrames);
    return { clip, sigma: sigmas[i] as number, givenFrames: given, dropped: drops };
  });
  const size = (clips[0] as CachedClip).latents.data.length;
  return batchOf(drawn, random.normals(batchSize * size), options);
}

/** `noise`: of all clips, one after the other. */
export function batchOf(
  drawn: readonly DrawnClip[],
  noise: Float32Array,
  options: Pick<ClipBatchOptions, 'scalingFactor' | 'fill' | 'dataMean'>,
): ClipBatch {
  const { scalingFactor, fill } = options;
  const [{ clip: first }] = drawn as readonly [DrawnClip];
  const dims = [drawn.length, ...first.latents.dims];
  const clean = drawn.map(({ clip: { latents } }) => latents.data.map((value) => value * scalingFactor));
  const given = drawn.map(({ clip: { latents }, givenFrames, dropped }, i) => {
    const frames = firstFrames(latents, givenFrames);
    if (options.dataMean === 'frame')
      subtract(clean[i] as Float32Array, dataMean(frames, framesOf(latents), scalingFactor));
    if (dropped.frame) return new Float32Array(latents.data.length);
    return imageLatents(frames, framesOf(latents), sizeOf(latents), fill);
  });
  return {
    denoising: {
      clean: floatTensor(dims, joined(clean)),
      noise: floatTensor(dims, noise),
      sigma: floatTensor(
        [drawn.length],
        Float32Array.from(drawn, ({ sigma }) => sigma),
      ),
      frame_latents: floatTensor(dims, joined(given)),
    },
    clipPixels: floatTensor(
      [drawn.length, ...first.clipPixels.dims],
      joined(drawn.map(({ clip }) => clip.clipPixels.data)),
    ),
    frameGiven: floatTensor(
      [drawn.length],
      Float32Array.from(drawn, ({ dropped }) => (dropped.frame ? 0 : 1)),
    ),
    instructions: drawn.map(({ clip, dropped }) => (dropped.text ? '' : clip.instruction)),
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
