/** Measures a planner on recorded episodes: a user's own robot, or any data set. */
import type { Frame } from '../conditioning/frame.js';
import { fittedFrame } from '../conditioning/image-tensors.js';
import { AidError } from '../errors.js';
import type { ClipReport } from '../imagination/events.js';
import { Random } from '../random.js';
import {
  describeRecordings,
  type Episode,
  type EpisodeSet,
  evenlySpread,
  reasonToSkip,
  type SkippedEpisode,
} from '../training/data/episode.js';
import { drawEpisodes } from './draw-episodes.js';
import type { EvaluatedPlanner } from './evaluate.js';
import { BLANK, type SamplingChoice } from './sampling-settings.js';
import type { RunWriter, SampleToSave, SavedClipKind } from './saved-run.js';

export interface EvaluateEpisodesOptions {
  readonly set: EpisodeSet;
  readonly writer: RunWriter<EpisodeMemo>;
  /** Episodes to measure, drawn by the seed; all of them unless said otherwise. */
  readonly episodes?: number | undefined;
  /** Given frames of a clip: 1 unless said otherwise. */
  readonly givenFrames?: number | undefined;
  readonly sampling?: SamplingChoice;
  readonly seed?: number;
  readonly abortSignal?: AbortSignal | undefined;
}

/** What `writer` remembers of an episode: an evaluation that was stopped does not imagine it again. */
export interface EpisodeMemo {
  /** Of the commanded clip. */
  readonly report: ClipReport;
  readonly warnings: readonly string[];
}

export type EpisodesEvent =
  | { readonly kind: 'clip'; readonly done: number; readonly total: number }
  | { readonly kind: 'end'; readonly samples: number; readonly skipped: readonly SkippedEpisode[] };

const KINDS: readonly SavedClipKind[] = ['commanded', 'another', 'swapped', 'blank'];
/** Clip k of episode e has the seed e * 1000 + k. */
const SEEDS_PER_EPISODE = 1000;

/**
 * Imagines each episode from its first frames: as commanded, with other noise, with another episode's command, and
 * with none, and saves all of it beside the truth. Errors: those of the planner and of listing the data;
 * `invalid-data` when fewer than two episodes can be read; `aborted`.
 */
export async function* evaluateEpisodes(
  planner: EvaluatedPlanner,
  options: EvaluateEpisodesOptions,
): AsyncGenerator<EpisodesEvent, void, undefined> {
  const { set, writer, givenFrames = 1, sampling = {}, seed = 1, abortSignal } = options;
  const { video } = planner;
  if (givenFrames >= video.numFrames)
    throw new AidError(
      'invalid-argument',
      `givenFrames: expected fewer than the model's ${video.numFrames}, got ${givenFrames}`,
    );
  const {
    episodes: chosen,
    total: listed,
    skipped: unread,
  } = await drawEpisodes(set, {
    count: options.episodes,
    seed,
    abortSignal,
  });
  const skipped: SkippedEpisode[] = [...unread];
  let clip: ClipReport | undefined;
  const warnings = new Set<string>();
  const measured: string[] = [];
  const count = ({ name }: Episode, { report, warnings: told }: EpisodeMemo): void => {
    clip ??= report;
    measured.push(name);
    for (const warning of told) warnings.add(warning);
  };
  const total = chosen.length * KINDS.length;
  for (const [index, episode] of chosen.entries()) {
    const known = writer.known(episode.name);
    if (known !== undefined) {
      count(episode, known);
      yield { kind: 'clip', done: (index + 1) * KINDS.length, total };
      continue;
    }
    let report: ClipReport | undefined;
    const told = new Set<string>();
    let truth: Frame[];
    try {
      const frames = await episode.readFrames(evenlySpread(episode.frameCount, video.numFrames));
      truth = await Promise.all(frames.map((frame) => fittedFrame(frame, video)));
    } catch (error) {
      skipped.push({ name: episode.name, reason: reasonToSkip(error) });
      continue;
    }
    const observation = await planner.observe(truth.slice(0, givenFrames));
    const clips: SampleToSave['clips'][number][] = [];
    for (const [k, kind] of KINDS.entries()) {
      const instruction = kind === 'swapped' ? otherInstruction(chosen, index, seed) : episode.instruction;
      if (instruction !== undefined) {
        const clipSeed = index * SEEDS_PER_EPISODE + (kind === 'another' ? 1 : 0);
        const request = {
          frames: observation,
          instruction,
          seed: clipSeed,
          ...sampling,
          ...(kind === 'blank' ? BLANK : {}),
          ...(abortSignal === undefined ? {} : { abortSignal }),
        };
        for await (const event of planner.imagine(request)) {
          if (event.kind !== 'end') continue;
          if (kind === 'commanded') report = event.report;
          for (const warning of event.report.warnings) told.add(warning);
          const said = kind === 'blank' ? '' : instruction;
          clips.push({ kind, instruction: said, seed: clipSeed, frames: event.frames });
        }
      }
      yield { kind: 'clip', done: index * KINDS.length + k + 1, total };
    }
    const { name, instruction, metadata } = episode;
    const { family } = metadata;
    if (report === undefined) throw new AidError('engine-failed', 'imagine: expected a clip to end');
    const memo: EpisodeMemo = { report, warnings: [...told] };
    await writer.add({ name, instruction, ...(family === undefined ? {} : { family }), truth, clips }, memo);
    count(episode, memo);
  }
  const samples = measured.length;
  if (clip === undefined || samples < 2)
    throw new AidError(
      'invalid-data',
      `${set.folder}: expected at least 2 episodes that can be read, got ${samples}${skipped[0] === undefined ? '' : `; ${skipped[0].reason}`}`,
    );
  const about = {
    data: `${samples} of ${listed} episodes in ${describeRecordings(set)} of ${set.folder}`,
    model: { ...clip.model },
    engine: { ...clip.engine },
    sampling: { ...clip.sampling },
    statesWrittenBy: clip.statesWrittenBy,
    video: { ...video, givenFrames },
    protocol: [
      `Truth: ${video.numFrames} frames spread evenly over the episode, the first and the last among them; centre brought to ${video.width}x${video.height} by the planner's own Lanczos kernel, 8 bits.`,
      `Given: the first ${givenFrames} of them, and the episode's command.`,
      `Episodes: ${samples}, drawn with the seed ${seed}; clip k of episode e has the seed 1000 e + k.`,
      "Swapped: another episode's command. Blank: frame guidance 1 and text guidance 0. Both with the commanded clip's noise. Another: the same command with other noise.",
    ],
    warnings: [...warnings],
  };
  await writer.end(about, measured);
  yield { kind: 'end', samples, skipped };
}

/** Undefined where every episode has the same command. */
function otherInstruction(episodes: readonly Episode[], index: number, seed: number): string | undefined {
  const others = [...new Set(episodes.map(({ instruction }) => instruction))].filter(
    (instruction) => instruction !== episodes[index]?.instruction,
  );
  return others.length === 0 ? undefined : others[new Random(seed, 5, index).below(others.length)];
}
