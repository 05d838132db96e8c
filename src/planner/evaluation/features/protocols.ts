/**
 * How a distance between sets of videos is measured. The same clips give numbers that differ by ten times under
 * different protocols: a number is told with its own.
 */
import type { Frame } from '../../conditioning/frame.js';
import { AidError } from '../../errors.js';
import { I3D_MIN_FRAMES, I3D_SIZE } from '../../models/inception/i3d.js';
import { INCEPTION_SIZE } from '../../models/inception/inception-v3.js';
import { type FloatTensor, floatTensor } from '../../runtime/tensor.js';
import { centreCrop, type Planes, resizeBilinear } from './bilinear.js';

export const PROTOCOLS = ['seer', 'videogpt', 'stylegan-v'] as const;
export type ProtocolName = (typeof PROTOCOLS)[number];

export interface VideoProtocol {
  readonly name: ProtocolName;
  /** Whether the given frames are part of the clips that are compared. */
  readonly givenFrames: 'included' | 'left out';
  /** How a picture becomes 224x224. */
  readonly resize: 'shorter side to 224, centre' | 'stretched to 224x224';
  readonly covariance: 'unbiased' | 'biased';
  /** `kvd_seer`: of features whose mean was taken away, as Seer's code leaves them. */
  readonly kernelDistances: readonly ('kvd' | 'kvd_seer')[];
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
  },
};

export const protocolOf = (name: ProtocolName): VideoProtocol => PROTOCOL[name];

/** What a network sees of a clip of which the first `given` frames were given: [1, 3, F, 224, 224] in [-1, 1]. */
export function clipTensor(
  frames: readonly Frame[],
  given: number,
  { name, givenFrames, resize }: VideoProtocol,
): FloatTensor {
  const compared = givenFrames === 'included' ? frames : frames.slice(given);
  if (compared.length < I3D_MIN_FRAMES)
    throw new AidError(
      'invalid-argument',
      `${name}: expected clips of at least ${I3D_MIN_FRAMES} frames to compare, got ${compared.length}`,
    );
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
