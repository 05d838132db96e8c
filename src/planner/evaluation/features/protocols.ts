/**
 * How a distance between sets of videos is measured. The same clips give numbers that differ by ten times under
 * different protocols: a number is told with its own.
 */
import type { Frame } from '../../conditioning/frame.js';
import { I3D_MIN_FRAMES, I3D_SIZE } from '../../models/inception/i3d.js';
import { INCEPTION_SIZE } from '../../models/inception/inception-v3.js';
import { type FloatTensor, floatTensor } from '../../runtime/tensor.js';
import { centreCrop, type Planes, resizeBilinear } from './bilinear.js';

export const PROTOCOLS = ['seer', 'videogpt', 'stylegan-v'] as const;
export type ProtocolName = (typeof PROTOCOLS)[number];

export interface VideoProtocol {
  readonly name: ProtocolName;
  /** Whether the given frames are part of the clips that are compared: then they are the true ones on both sides. */
  readonly givenFrames: 'included' | 'left out';
  /** How a picture becomes 224x224. */
  readonly resize: 'shorter side to 224, centre' | 'stretched to 224x224';
  readonly covariance: 'unbiased' | 'biased';
  /** `kvd_seer`: of features whose mean was taken away, as Seer's code leaves them. */
  readonly kernelDistances: readonly ('kvd' | 'kvd_seer')[];
  /** What keeps a number by it from being compared with published ones. */
  readonly caution?: string;
}

const PROTOCOL: Readonly<Record<ProtocolName, VideoProtocol>> = {
  seer: {
    name: 'seer',
    givenFrames: 'included',
    resize: 'shorter side to 224, centre',
    covariance: 'unbiased',
    kernelDistances: ['kvd', 'kvd_seer'],
  },
  videogpt: {
    name: 'videogpt',
    givenFrames: 'included',
    resize: 'shorter side to 224, centre',
    covariance: 'unbiased',
    kernelDistances: ['kvd'],
  },
  'stylegan-v': {
    name: 'stylegan-v',
    givenFrames: 'left out',
    resize: 'stretched to 224x224',
    covariance: 'biased',
    kernelDistances: ['kvd'],
    caution: 'published numbers are those of other weights, i3d_torchscript.pt',
  },
};

export const protocolOf = (name: ProtocolName): VideoProtocol => PROTOCOL[name];

/** Why clips of that many frames cannot be measured by it; undefined where they can. */
export function whyNotMeasurable(
  { givenFrames }: VideoProtocol,
  { numFrames, givenFrames: given }: { readonly numFrames: number; readonly givenFrames: number },
): string | undefined {
  const compared = givenFrames === 'included' ? numFrames : numFrames - given;
  if (compared >= I3D_MIN_FRAMES) return undefined;
  return `expected clips of at least ${I3D_MIN_FRAMES} frames to compare, got ${compared}`;
}

/**
 * What is compared of a clip of which the first `given` frames were given. What the model made of these is its decoder's
 * copy, which nobody asked for: the published codes put the true ones before what was imagined.
 */
export function comparedFrames(
  clip: readonly Frame[],
  truth: readonly Frame[],
  given: number,
  { givenFrames }: VideoProtocol,
): Frame[] {
  const imagined = clip.slice(given);
  return givenFrames === 'included' ? [...truth.slice(0, given), ...imagined] : imagined;
}

/** What a network sees of a clip: [1, 3, F, 224, 224] in [-1, 1]. */
export function clipTensor(compared: readonly Frame[], { resize }: VideoProtocol): FloatTensor {
  const size = I3D_SIZE;
  const data = new Float32Array(3 * compared.length * size * size);
  compared.forEach((frame, index) => {
    const planes =
      resize === 'stretched to 224x224' ? resizeBilinear(frame, size, size) : covered(frame, size);
    for (let channel = 0; channel < 3; channel++) {
      const plane = planes.data.subarray(channel * size * size, (channel + 1) * size * size);
      data.set(signed(plane), (channel * compared.length + index) * size * size);
    }
  });
  return floatTensor([1, 3, compared.length, size, size], data);
}

/** What Inception v3 sees of a picture: stretched, [1, 3, 299, 299] in [-1, 1]. */
export function pictureTensor(frame: Frame): FloatTensor {
  const size = INCEPTION_SIZE;
  return floatTensor([1, 3, size, size], signed(resizeBilinear(frame, size, size).data));
}

function covered(frame: Frame, size: number): Planes {
  const { width, height } = frame;
  const scale = size / Math.min(width, height);
  const [wide, high] = height < width ? [Math.ceil(width * scale), size] : [size, Math.ceil(height * scale)];
  return centreCrop(resizeBilinear(frame, wide, high), size);
}

/** 0 to 255 -> -1 to 1. */
const signed = (values: Float32Array): Float32Array => values.map((value) => (value / 255 - 0.5) * 2);
