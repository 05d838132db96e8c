/** How often what was imagined in scenes did what it was told. */
import { mean } from '../mean.js';
import { verdictOn } from './instruction-following.js';
import { type Interval, wilsonInterval } from './intervals.js';
import type { ImaginedClip, SceneResult } from './scene-result.js';

/** How often the last frame is nearest to the one that it should be. Rates are of 0 to 1. */
export interface Following {
  readonly following: number;
  /** Wilson's, 95 %. */
  readonly interval: Interval;
  /** The same by the colours alone, without brightness. */
  readonly followingByColour: number;
  /** 1 is nearest. */
  readonly meanRank: number;
  /** -1 to 1. */
  readonly meanMargin: number;
  /** Of one clip a scene. */
  readonly count: number;
}

export type Judged = Pick<ImaginedClip, 'distances' | 'command'>;

export function followingOf(clips: readonly Judged[]): Following {
  const verdicts = clips.map(({ distances, command }) => verdictOn(distances.pixels, command));
  const byColour = clips.filter(({ distances, command }) => verdictOn(distances.colours, command).followed);
  const followed = verdicts.filter((verdict) => verdict.followed).length;
  return {
    following: followed / clips.length,
    interval: wilsonInterval(followed, clips.length) ?? [Number.NaN, Number.NaN],
    followingByColour: byColour.length / clips.length,
    meanRank: mean(verdicts.map(({ rank }) => rank)),
    meanMargin: mean(verdicts.map(({ margin }) => margin)),
    count: clips.length,
  };
}

export function isFollowed({ distances, command }: Judged): boolean {
  return verdictOn(distances.pixels, command).followed;
}

/** Share of the scenes in which that was followed. */
export function rateOf(results: readonly SceneResult[], judged: (result: SceneResult) => Judged): number {
  return mean(results.map((result) => (isFollowed(judged(result)) ? 1 : 0)));
}

/** Of a last frame picked among a scene's outcomes by lot. */
export function chanceOf(results: readonly SceneResult[]): number {
  return mean(results.map(({ commands }) => 1 / commands.length));
}
