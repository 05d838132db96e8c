import type { ClipReport } from '../imagination/events.js';
import type { SceneSet } from './scene-set.js';

export const FOLLOWING_PROTOCOL = [
  'Following: the last frame is strictly nearer, in mean squared pixel error, to the true last frame of its command than to that of any other command of the scene; first seed. By colour: the same after the mean of red, green and blue is taken from every pixel. Chance: the mean of 1 / commands.',
  'Rank 1 is nearest. Margin: (other - own) / (other + own), other being the nearest of the others.',
  'Swapped: another command of the scene, drawn from its seed. Blank: frame guidance 1 and text guidance 0, so only the branch with empty texts counts.',
  "Intervals: 95 %; Wilson's for rates, a scene being a trial, 2000 bootstrap resamples of the scenes for means.",
] as const;

/** How the numbers were made, for people who compare them with others. */
export function protocolOf(
  { numFrames, width, height }: ClipReport,
  { width: cameraWidth, height: cameraHeight }: SceneSet,
  seeds: number,
): string[] {
  const size = `${width}x${height}`;
  const camera = `${cameraWidth}x${cameraHeight}`;
  return [
    `Truth: JPEG pictures of ${camera}${camera === size ? ', as they are' : `, centre brought to ${size} by the planner's own Lanczos kernel and rounded to 8 bits`}; ${numFrames} frames spread evenly over the episode, the first and the last among them.`,
    "Scenes: one of each seed. Where the expert fails at the seed's command, another way of it that succeeds is the truth, or else another command of the scene.",
    'Commands of a scene: those possible in it at which the expert succeeds; those at which it fails have no true last frame, are not chosen among, and are counted.',
    'Given: the first frame alone, and the command in a training wording.',
    `Seeds: clip k of scene s has the seed 1000 s + k. psnr and ssim: the best of ${seeds}, for each scene and measure; psnrMean and ssimMean: their mean.`,
    `PSNR: 8-bit RGB, peak 255, from the mean squared error over all ${numFrames} frames of a clip, the given one included; then the mean over scenes. copyFirst and ceiling likewise.`,
    "SSIM: scikit-image's default on 8-bit RGB (7x7 windows of equal weight, K1 0.01, K2 0.03, sample covariance), mean over frames, then over scenes.",
    'Another execution: the same command carried out by the simulator with other decisions (path, pace, grasp, place), against the recorded one; where the expert succeeds at it.',
    ...FOLLOWING_PROTOCOL,
  ];
}
