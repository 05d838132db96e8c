/**
 * Dual guidance (arXiv 2406.06465, Eq. 8): one scale for the given frame, one for the text,
 * none + s_frame (frame - none) + s_text (full - frame).
 */
import { AidError } from '../errors.js';

/**
 * What a branch is conditioned on. `full`: the frame and the texts; `frame`: the frame and empty texts;
 * `none`: empty texts, zero frame latents, zero visual embeddings.
 */
export type GuidanceBranch = 'none' | 'frame' | 'full';

export interface GuidanceScales {
  readonly frameGuidance: number;
  readonly textGuidance: number;
}

export interface WeightedBranch {
  readonly branch: GuidanceBranch;
  /** The weights of all branches sum to 1. */
  readonly weight: number;
}

/** The branches that have to be computed: those whose weight in Eq. 8 is not 0. Errors: `invalid-argument`. */
export function branchesFor({ frameGuidance, textGuidance }: GuidanceScales): WeightedBranch[] {
  if (!Number.isFinite(frameGuidance) || !Number.isFinite(textGuidance)) {
    throw new AidError(
      'invalid-argument',
      `guidance: expected finite numbers, got frame ${frameGuidance} and text ${textGuidance}`,
    );
  }
  const branches: WeightedBranch[] = [
    { branch: 'none', weight: 1 - frameGuidance },
    { branch: 'frame', weight: frameGuidance - textGuidance },
    { branch: 'full', weight: textGuidance },
  ];
  return branches.filter(({ weight }) => weight !== 0);
}

/** The weighted sum of what the branches gave, in their order. */
export function combine(branches: readonly WeightedBranch[], outputs: readonly Float32Array[]): Float32Array {
  const size = outputs[0]?.length ?? 0;
  if (outputs.length !== branches.length || outputs.some(({ length }) => length !== size)) {
    throw new AidError(
      'invalid-argument',
      `guidance: expected ${branches.length} outputs of one size, got [${outputs.map(({ length }) => length)}]`,
    );
  }
  const guided = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let b = 0; b < branches.length; b++)
      sum += (branches[b] as WeightedBranch).weight * ((outputs[b] as Float32Array)[i] as number);
    guided[i] = sum;
  }
  return guided;
}
