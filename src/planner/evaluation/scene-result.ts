/** What was measured in one scene: plain numbers, from which every figure of a report can be worked out again. */
import type { OutcomeDistances } from './instruction-following.js';

/**
 * `commanded`: the scene's command in a training wording, once for every seed. `heldOut`: the same in a wording that
 * no training episode has. `swapped`: another command of the scene. `blank`: no text at all, only the frame.
 * `sweep`: the commanded one with other sampling settings.
 */
export type ClipKind = 'commanded' | 'heldOut' | 'swapped' | 'blank' | 'sweep';

/** A clip beside the truth. */
export interface ClipLikeness {
  /** Mean squared error of each frame, 8 bits. */
  readonly frameErrors: readonly number[];
  readonly ssim: number;
}

export interface ImaginedClip {
  readonly kind: ClipKind;
  /** Empty for `blank`. */
  readonly instruction: string;
  /** Place among the scene's commands of the one that the clip should carry out; for `blank`, the commanded one. */
  readonly command: number;
  readonly seed: number;
  /** Of `sweep`: place among the sweep's settings. */
  readonly setting?: number;
  /** Last frame against the true last frames, in the order of the scene's commands. */
  readonly distances: OutcomeDistances;
  /** Absent for `swapped`, whose truth has only its ends. */
  readonly likeness?: ClipLikeness;
  readonly ms: number;
}

export interface ReferenceClip {
  readonly distances: OutcomeDistances;
  readonly likeness: ClipLikeness;
}

export interface SceneResult {
  readonly seed: number;
  readonly commands: readonly {
    readonly family: string;
    readonly instruction: string;
    readonly heldOutInstruction: string | null;
  }[];
  /** Place of the commanded one among the commands. */
  readonly commanded: number;
  readonly clips: readonly ImaginedClip[];
  /** The first frame all the time. */
  readonly copyFirst: ReferenceClip;
  /** The true clip through the autoencoder. */
  readonly ceiling: ReferenceClip;
  /** The command truly carried out in another way. */
  readonly again?: ReferenceClip | undefined;
}
