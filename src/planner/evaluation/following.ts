/** How often what was imagined in scenes did what it was told. */
import { mean } from '../mean.js';
import { verdictOn } from './instruction-following.js';
import { type Interval, intervalOf, type Mean, meanWithInterval, rateWithInterval } from './intervals.js';
import type { ClipKind, ImaginedClip } from './scene-result.js';

/** How often the last frame is nearest to the one that it should be. Rates are of 0 to 1, intervals of 95 %. */
export interface Following {
  readonly following: number;
  /** Wilson's. */
  readonly interval: Interval;
  /** The same by the colours alone, without brightness. */
  readonly followingByColour: number;
  /** 1 is nearest. */
  readonly meanRank: number;
  /** -1 to 1. */
  readonly meanMargin: number;
  /** Of one clip a scene. */
  readonly count: number;
  readonly intervals: Readonly<Record<'followingByColour' | 'meanRank' | 'meanMargin', Interval>>;
}

export interface FollowingFigures {
  /** Of the commanded instruction's first clip in each scene. */
  readonly instructionFollowing: number;
  /** Of a last frame picked among a scene's outcomes by lot. */
  readonly chance: number;
  readonly commanded: Following;
  /** Of the clips of every seed. */
  readonly instructionFollowingMean: Mean;
  readonly perFamily: Readonly<Record<string, Following & { readonly chance: number }>>;
  /** The same command in a wording that no training episode has. Absent where the scenes have none. */
  readonly heldOutWordings?: Following;
  /** Another command of the scene: whether that one is followed, and how often the original still is. */
  readonly swapped: Following & {
    readonly originalNearest: number;
    readonly intervals: Readonly<Record<'originalNearest', Interval>>;
  };
  /** No text at all: how often the original is followed by guessing from the frame. Absent where not asked for. */
  readonly blank?: Following;
  /** Of a first frame that stays as it is. */
  readonly copyFirstFollowing: number;
  readonly intervals: Readonly<Record<'chance' | 'copyFirstFollowing', Interval>>;
}

export type Judged = Pick<ImaginedClip, 'distances' | 'command'>;

/** What has to be known of a scene and of the clips imagined in it, those of one kind in the order of their seeds. */
export interface JudgedScene<Clip extends Judged = Judged> {
  readonly commands: readonly { readonly family: string }[];
  /** Place of the commanded one among the commands. */
  readonly commanded: number;
  readonly clips: readonly (Clip & { readonly kind: ClipKind })[];
  /** The first frame all the time. */
  readonly copyFirst: Pick<Judged, 'distances'>;
}

export function followingFigures(scenes: readonly JudgedScene[]): FollowingFigures {
  const commanded = followingOf(firstOf(scenes, 'commanded'));
  const heldOut = firstOf(scenes, 'heldOut');
  const blank = firstOf(scenes, 'blank');
  const swapped = followingOf(firstOf(scenes, 'swapped'));
  const original = followedRate(
    scenes.flatMap((scene) =>
      firstOf([scene], 'swapped').map(({ distances }) => ({ distances, command: scene.commanded })),
    ),
  );
  const copyFirst = followedRate(
    scenes.map(({ copyFirst: { distances }, commanded: command }) => ({ distances, command })),
  );
  return {
    instructionFollowing: commanded.following,
    chance: chanceOf(scenes),
    commanded,
    instructionFollowingMean: rateWithInterval(
      scenes.map(({ clips }) => mean(clips.filter(({ kind }) => kind === 'commanded').map(followedShare))),
    ),
    perFamily: Object.fromEntries(
      byFamily(scenes).map(([family, members]) => [
        family,
        { ...followingOf(firstOf(members, 'commanded')), chance: chanceOf(members) },
      ]),
    ),
    ...(heldOut.length === 0 ? {} : { heldOutWordings: followingOf(heldOut) }),
    swapped: {
      ...swapped,
      originalNearest: original.mean,
      intervals: { ...swapped.intervals, originalNearest: original.interval },
    },
    ...(blank.length === 0 ? {} : { blank: followingOf(blank) }),
    copyFirstFollowing: copyFirst.mean,
    intervals: {
      chance: intervalOf(scenes.map(({ commands }) => 1 / commands.length)),
      copyFirstFollowing: copyFirst.interval,
    },
  };
}

export function followingOf(clips: readonly Judged[]): Following {
  const verdicts = clips.map(({ distances, command }) => verdictOn(distances.pixels, command));
  const following = followedRate(clips);
  const byColour = rateWithInterval(
    clips.map(({ distances, command }) => Number(verdictOn(distances.colours, command).followed)),
  );
  const rank = meanWithInterval(verdicts.map((verdict) => verdict.rank));
  const margin = meanWithInterval(verdicts.map((verdict) => verdict.margin));
  return {
    following: following.mean,
    interval: following.interval,
    followingByColour: byColour.mean,
    meanRank: rank.mean,
    meanMargin: margin.mean,
    count: clips.length,
    intervals: {
      followingByColour: byColour.interval,
      meanRank: rank.interval,
      meanMargin: margin.interval,
    },
  };
}

/** How many of the clips, one a scene, follow their command. */
export function followedRate(clips: readonly Judged[]): Mean {
  return rateWithInterval(clips.map(followedShare));
}

/** The first clip of that kind of every scene that has one. */
export function firstOf<Clip extends Judged>(scenes: readonly JudgedScene<Clip>[], kind: ClipKind): Clip[] {
  return scenes.flatMap(({ clips }) => clips.filter((each) => each.kind === kind).slice(0, 1));
}

/** Scenes by the family of their command, in the order of the families' names. */
export function byFamily<Scene extends Pick<JudgedScene, 'commands' | 'commanded'>>(
  scenes: readonly Scene[],
): [family: string, members: Scene[]][] {
  const families = new Map<string, Scene[]>();
  for (const scene of scenes) {
    const family = scene.commands[scene.commanded]?.family ?? '';
    families.set(family, [...(families.get(family) ?? []), scene]);
  }
  return [...families].sort(([a], [b]) => (a < b ? -1 : 1));
}

export function isFollowed({ distances, command }: Judged): boolean {
  return verdictOn(distances.pixels, command).followed;
}

const followedShare = (clip: Judged): number => Number(isFollowed(clip));

const chanceOf = (scenes: readonly JudgedScene[]): number =>
  mean(scenes.map(({ commands }) => 1 / commands.length));
