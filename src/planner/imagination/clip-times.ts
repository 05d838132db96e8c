/** What the parts of clips of one shape took lately, on the clock on the wall, so that the next one can be planned. */
import type { ExpectedTimes } from './deadline.js';
import type { PreviewDownscale } from './request.js';

/** Few, so that a load that comes or goes is soon known. */
const KEPT = 5;

/** Milliseconds that one kind of work took the last few times, by how much work it was. */
export class RecentTimes {
  readonly #bySize = new Map<number, number[]>();

  record(ms: number, size = 1): void {
    const earlier = this.#bySize.get(size) ?? [];
    // The first one also prepares what the others need; it is only worth something until there is a second.
    this.#bySize.set(size, earlier.length === 1 ? [ms, ms] : [...earlier, ms].slice(-KEPT));
  }

  /** Undefined when there was none of that size and none to work it out from, in proportion. */
  median(size = 1): number | undefined {
    return this.#known(
      size,
      (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] as number,
    );
  }

  longest(size = 1): number | undefined {
    return this.#known(size, (times) => Math.max(...times));
  }

  /** What the next one will hardly exceed: as far beyond the longest as that is beyond the shortest. */
  bound(size = 1): number | undefined {
    return this.#known(size, (times) => 2 * Math.max(...times) - Math.min(...times));
  }

  #known(size: number, measure: (times: readonly number[]) => number): number | undefined {
    const times = this.#bySize.get(size);
    if (times !== undefined) return measure(times);
    for (const [other, known] of this.#bySize) return (measure(known) * size) / other;
    return undefined;
  }
}

export class ClipTimes implements ExpectedTimes {
  /** By the branches of guidance. */
  readonly conditions = new RecentTimes();
  readonly evaluations = new RecentTimes();
  /** One frame, by its size; see `previewSize`. */
  readonly previews = new RecentTimes();
  /** All of a step but evaluations and previews; the most of it is what the caller does with its event. */
  readonly stepRests = new RecentTimes();
  /** From the last step to the end of the clip, but for what the caller does with the frames. */
  readonly finishes = new RecentTimes();
  /** What the caller does with a frame. */
  readonly frameRests = new RecentTimes();

  constructor(private readonly numFrames: number) {}

  condition(branches: number): number | undefined {
    return this.conditions.longest(branches);
  }

  evaluation(branches: number): number | undefined {
    return this.evaluations.median(branches);
  }

  preview(downscale: PreviewDownscale): number | undefined {
    return this.previews.median(previewSize(downscale));
  }

  get stepRest(): number | undefined {
    return this.stepRests.median();
  }

  stepSlack(branches: number): number {
    const slack = (times: RecentTimes, size?: number) =>
      (times.longest(size) ?? 0) - (times.median(size) ?? 0);
    return slack(this.evaluations, branches) + slack(this.stepRests);
  }

  get finish(): number | undefined {
    const own = this.finishes.bound();
    if (own === undefined) return undefined;
    // Until a caller was seen taking frames, it is trusted with no more than it showed at the steps.
    return own + this.numFrames * (this.frameRests.bound() ?? this.stepRests.longest() ?? 0);
  }
}

/** Previews take as long as their area is large. */
export function previewSize(downscale: PreviewDownscale): number {
  return 1 / downscale ** 2;
}
