/** What the planner has seen: given frames, encoded once for every clip that starts from them. */
import type { Frame } from '../conditioning/frame.js';

const marker = Symbol.for('aid-planner.observation');

export class Observation {
  readonly [marker] = true;

  constructor(
    /** The given frames as they came. */
    readonly frames: readonly Frame[],
    /** The posterior's mode of each given frame, not scaled, [C, h, w]. */
    readonly latents: readonly Float32Array[],
    /** CLIP's last hidden state of the first one, [V, D]. */
    readonly visualEmbeds: Float32Array,
  ) {}

  static isInstance(value: unknown): value is Observation {
    return typeof value === 'object' && value !== null && marker in value;
  }
}
